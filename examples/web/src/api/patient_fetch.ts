/** Milliseconds. */
const PATIENCE = 20_000;

/** `fetch` with an end: whoever waits for an answer learns that none comes. */
export const patientFetch: typeof fetch = (input, init) => {
  const end = AbortSignal.timeout(PATIENCE);
  return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, end]) : end });
};
