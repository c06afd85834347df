// Where the app is to be had: a link that is printed on paper, so it may never change. Its target may.
export const downloads = () => ({ code: 307, to: "/?from=paper" });
