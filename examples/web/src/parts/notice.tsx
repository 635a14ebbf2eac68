import type { ReactNode, Ref } from "react";

interface NoticeProps {
  tone: "good" | "bad" | "plain";
  ref?: Ref<HTMLDivElement>;
  children: ReactNode;
}

/** A `ref` for what comes in the place of what had the focus. */
export const takesFocus = (element: HTMLElement | null): void => element?.focus();

/** Something to know. What went wrong interrupts a screen reader, the rest waits its turn. */
export function Notice({ tone, ref, children }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"} tabIndex={-1} ref={ref}>
      {children}
    </div>
  );
}
