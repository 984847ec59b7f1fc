// Requests to the server. All addresses are relative to that of the page, which has the token.

export class Refused extends Error {}

async function answered(response) {
  if (response.ok) return response;
  let text = `the server answered ${response.status}`;
  try {
    text = (await response.json()).error ?? text;
  } catch {
    // not JSON: the text above says enough
  }
  throw new Refused(text);
}

export const getJson = async (path) => (await answered(await fetch(path))).json();
export const getBytes = async (path) => (await answered(await fetch(path))).arrayBuffer();
export const getPicture = async (path) => createImageBitmap(await (await answered(await fetch(path))).blob());
export const post = async (path, body) => (await answered(await fetch(path, {
  method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } }))).json();
