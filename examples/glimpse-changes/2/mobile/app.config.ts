// Read by Expo when the app is built. No address stands here: each build is told by eas.json.
function needed(name: string, value: string | undefined): string {
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export default {
  name: "Glimpse",
  slug: "glimpse-mobile",
  version: "1.1.0",
  extra: {
    apiUrl: needed("EXPO_PUBLIC_API_URL", process.env.EXPO_PUBLIC_API_URL),
    socketUrl: needed("EXPO_PUBLIC_SOCKET_URL", process.env.EXPO_PUBLIC_SOCKET_URL),
  },
};
