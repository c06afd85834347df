import { readFileSync } from "node:fs";

export const dynamic = "force-dynamic";

export default function Page() {
  const site = JSON.parse(readFileSync("config/site.json", "utf8"));
  return <h1>{`version ${site.version} in ${process.env.RELEASE_ENVIRONMENT}`}</h1>;
}
