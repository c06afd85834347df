// Read by Expo when the app is built.
export default {
  name: "Glimpse",
  slug: "glimpse-mobile",
  version: "1.0.0",
  extra: {
    apiUrl: process.env.EXPO_PUBLIC_API_URL ?? "https://glimpse-server.up.railway.app/api/v1",
    socketUrl: process.env.EXPO_PUBLIC_SOCKET_URL ?? "wss://glimpse-server.up.railway.app",
  },
};
