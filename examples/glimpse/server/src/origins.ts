import { settings } from "./settings.js";

// Exactly the list: no patterns, which let in what begins or ends alike.
export const origins = (): string[] => settings.origins;
