// Where the page's results come from: the server that it was loaded from, or this browser alone; index.html says which.

const source = await import(document.documentElement.dataset.results === "browser" ? "./browser.js" : "./server.js");

export const { NO_FINDINGS, detect, drawing, mask, onKeyWanted, picture, remove, response, saves, scales } = source;
