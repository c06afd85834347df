export default {
  // The server and what it needs, without the rest of node_modules.
  output: "standalone",
  poweredByHeader: false,
};
