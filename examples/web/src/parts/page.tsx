import { type ReactNode, useEffect, useRef } from "react";

/** A page in one card. It has a title of its own, and a screen reader begins at its heading. */
export function Page({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <main className="card">
      <Heading title={title} />
      {lead !== undefined && <p className="lead">{lead}</p>}
      {children}
    </main>
  );
}

/** The heading of a page: names the tab, and takes the focus when one comes from another page. */
export function Heading({ title }: { title: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Vestibule`;
    // What had the focus went with the page before.
    if (document.activeElement === document.body) heading.current?.focus();
  }, [title]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {title}
    </h1>
  );
}
