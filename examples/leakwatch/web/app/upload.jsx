"use client";

import { useState } from "react";

// `api` comes with the page. A NEXT_PUBLIC_ variable would be built in, and so be staging's in production too.
export default function Upload({ api }) {
  const [said, say] = useState("A bill is lines of name,amount.");

  async function send(event) {
    event.preventDefault();
    const answer = await fetch(`${api}/uploads`, { method: "POST", body: event.target.elements.bill.files[0] });
    if (!answer.ok) return say(answer.status === 413 ? "That file is too large." : `The answer was ${answer.status}.`);
    const { id } = await answer.json();
    for (let state = ""; state !== "completed"; ) {
      say(`Reading it (${state || "sent"}) …`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const found = await (await fetch(`${api}/uploads/${id}`)).json();
      state = found.state;
      if (state === "failed") return say("It could not be read.");
      if (state === "completed") say(`${found.findings.lines} charges, twice: ${found.findings.leaks.join(" ") || "none"}`);
    }
  }

  return (
    <form onSubmit={send} data-api={api}>
      <input type="file" name="bill" required /> <button>Find leaks</button>
      <p>{said}</p>
    </form>
  );
}
