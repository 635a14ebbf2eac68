import { type ReactNode, useId, useState } from "react";

import { describedBy, Hints, useNote } from "./form";

interface PasswordFieldProps {
  name: string;
  label: string;
  autoComplete: "current-password" | "new-password";
  hint?: string;
  onType?: (value: string) => void;
  children?: ReactNode;
}

/** A password with a button that shows it. */
export function PasswordField({ name, label, autoComplete, hint, onType, children }: PasswordFieldProps) {
  const id = useId();
  const note = useNote(name);
  const [shown, setShown] = useState(false);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="with-button">
        <input
          id={id}
          name={name}
          type={shown ? "text" : "password"}
          autoComplete={autoComplete}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={256}
          required
          onChange={(event) => onType?.(event.target.value)}
          aria-invalid={note !== undefined}
          aria-describedby={describedBy(id, hint, note)}
        />
        <button type="button" className="inside" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? "Hide" : "Show"}
          <span className="hidden"> {label.toLowerCase()}</span>
        </button>
      </div>
      <Hints id={id} hint={hint} note={note} />
      {children}
    </div>
  );
}
