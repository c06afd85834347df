// A token is a name and its signature. Each environment has a secret of its own, so neither knows the other's.
import { createHmac, timingSafeEqual } from "node:crypto";
import { settings } from "./settings.js";

const sign = (name: string): string => createHmac("sha256", settings.secret).update(name).digest("base64url");

export const tokenOf = (name: string): string => `${Buffer.from(name).toString("base64url")}.${sign(name)}`;

/** The name in the header `Authorization: Bearer …`; empty if it is not good. */
export function bearer(header: string): string {
  const [coded = "", signature = ""] = header.replace(/^Bearer /, "").split(".");
  const name = Buffer.from(coded, "base64url").toString();
  const wanted = Buffer.from(sign(name));
  const given = Buffer.from(signature);
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? name : "";
}
