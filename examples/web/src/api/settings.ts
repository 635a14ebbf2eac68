/** Where the API is, and which application this page is: given at build time, see `.env` in Vite's manual. */

const env = import.meta.env as Record<string, string | undefined>;

/** The same site as the page: the cookie goes to no other (`SameSite=Strict`). `localhost` and `127.0.0.1` are two sites. */
export const API = env.VITE_VESTIBULE_API ?? "http://localhost:4000/graphql";
export const CLIENT_ID = env.VITE_VESTIBULE_CLIENT_ID ?? "default";

/** What every request carries, whichever client sends it. */
export const HEADERS = { "x-client-id": CLIENT_ID };

/** The address in a mailed link: a page of this application. */
export const linkTo = (path: string) => new URL(path, location.origin).href;
