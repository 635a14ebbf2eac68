/** Milliseconds. */
const PATIENCE = 20_000;

/** `fetch` with an end: whoever waits for an answer learns that none comes. */
export const fetchWithin =
  (patience: number): typeof fetch =>
  (input, init) => {
    const end = AbortSignal.timeout(patience);
    return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, end]) : end });
  };

export const patientFetch = fetchWithin(PATIENCE);
