import { createContext, type ReactNode, type SubmitEvent, useContext, useEffect, useId, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { Notice } from "./notice";

/** The notes for each field of the form around it. */
const Notes = createContext<ReadonlyMap<string, string>>(new Map());

export const useNote = (name: string): string | undefined => useContext(Notes).get(name);

interface FormProps {
  /** What the button says. */
  submit: string;
  /** What the button does is not to be undone. */
  danger?: boolean;
  /** Sends the fields; answers what went wrong, or the sentence to say when all went well. */
  send: (fields: FormData) => Promise<Failure | string | undefined>;
  /** Beside the button. */
  aside?: ReactNode;
  children: ReactNode;
}

/**
 * A form that sends by script: one request at a time; what is refused is told beside its field, the rest above the
 * button, and the focus goes to the first of them.
 */
export function Form({ submit, danger = false, send, aside, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const alert = useRef<HTMLDivElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  /** What the server said of something that is no field here. */
  const [homeless, setHomeless] = useState<readonly string[]>([]);
  const [success, setSuccess] = useState<string>();

  useEffect(() => {
    if (failure === undefined) return;
    const field = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    (field ?? alert.current)?.focus();
  }, [failure]);

  async function onSubmit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const element = event.currentTarget;
    setBusy(true);
    setFailure(undefined);
    setSuccess(undefined);
    const outcome = await send(new FormData(element));
    setBusy(false);
    if (typeof outcome === "string") {
      setSuccess(outcome);
    } else {
      const issues = outcome?.issues ?? [];
      const without = issues.filter(({ path }) => element.elements.namedItem(path) === null);
      setHomeless(without.map(({ message }) => message));
      setFailure(outcome);
    }
  }

  const issues = failure?.issues ?? [];
  return (
    <form ref={form} onSubmit={(event) => void onSubmit(event)} aria-busy={busy}>
      <Notes value={new Map(issues.map(({ path, message }) => [path, message]))}>{children}</Notes>
      {failure !== undefined && (
        <Notice tone="bad" ref={alert}>
          {[failure.sentence, ...homeless].join(" ")}
        </Notice>
      )}
      <p role="status" className={success === undefined ? "hidden" : "notice good"}>
        {success}
      </p>
      <div className="actions">
        <button type="submit" className={danger ? "button danger" : "button"} aria-disabled={busy}>
          {busy ? "One moment…" : submit}
        </button>
        {aside}
      </div>
    </form>
  );
}

interface FieldProps extends React.ComponentProps<"input"> {
  name: string;
  label: string;
  hint?: string;
}

/** A labelled input with its hint and with what the server said of it. */
export function Field({ name, label, hint, ...input }: FieldProps) {
  const id = useId();
  const note = useNote(name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        name={name}
        aria-invalid={note !== undefined}
        aria-describedby={describedBy(id, hint, note)}
      />
      <Hints id={id} hint={hint} note={note} />
    </div>
  );
}

export const describedBy = (id: string, hint?: string, note?: string) =>
  [hint !== undefined && `${id}-hint`, note !== undefined && `${id}-note`].filter(Boolean).join(" ") || undefined;

export function Hints({ id, hint, note }: { id: string; hint: string | undefined; note: string | undefined }) {
  return (
    <>
      {hint !== undefined && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {note !== undefined && (
        <p className="note" id={`${id}-note`}>
          {note}
        </p>
      )}
    </>
  );
}

/** A text of the form, without the spaces around it. */
export const text = (fields: FormData, name: string): string => {
  const value = fields.get(name);
  return typeof value === "string" ? value.trim() : "";
};

/** A password, spaces and all. */
export const password = (fields: FormData, name: string): string => {
  const value = fields.get(name);
  return typeof value === "string" ? value : "";
};
