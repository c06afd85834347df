import config from "../app.config";

const base = config.extra.apiUrl;

export async function health(): Promise<boolean> {
  const answer = await fetch(`${base}/health`);
  return answer.ok && (await answer.json()).status === "ok";
}

export async function logIn(user: string, password: string): Promise<string> {
  const answer = await fetch(`${base}/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user, password }),
  });
  if (!answer.ok) throw new Error(`login answers ${answer.status}`);
  return (await answer.json()).token;
}
