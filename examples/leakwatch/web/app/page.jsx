import { connection } from "next/server";
import Upload from "./upload";

export default async function Page() {
  // Made for each request: the addresses are those of the environment it runs in, not of the one it was built in.
  await connection();
  const base = process.env.LW_BASE_URL;
  return (
    <main>
      <link rel="canonical" href={base} />
      <h1>LeakWatch</h1>
      <p>{`${process.env.RELEASE_ENVIRONMENT}, at ${base}`}</p>
      <Upload api={`${base}/api`} />
    </main>
  );
}
