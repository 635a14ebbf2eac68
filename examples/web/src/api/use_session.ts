import { useSyncExternalStore } from "react";

import { current, type Session, subscribe } from "./session";

export const useSession = (): Session => useSyncExternalStore(subscribe, current);
