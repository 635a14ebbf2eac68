import { useEffect, useState } from "react";
import { useClient, useQuery } from "urql";

import { AuthConfigDocument, type CheckPasswordInput, CheckPasswordDocument } from "../generated/graphql";
import { PasswordField } from "./password_field";

/** Milliseconds after the last key. */
const PAUSE = 250;

type Rule = { rule: string; met: boolean; message: string };

/** A field for a new password. The server judges it while one types, by the rules that it will judge by in the end. */
export function NewPassword({
  name,
  label,
  about,
}: {
  name: string;
  label: string;
  about?: () => Omit<CheckPasswordInput, "password">;
}) {
  const client = useClient();
  const [{ data }] = useQuery({ query: AuthConfigDocument });
  const [typed, setTyped] = useState("");
  const [rules, setRules] = useState<readonly Rule[]>([]);

  useEffect(() => {
    if (typed === "") return;
    let current = true;
    const timer = setTimeout(() => {
      void client.mutation(CheckPasswordDocument, { input: { ...about?.(), password: typed } }).then(({ data }) => {
        // An answer to what stands there no longer says nothing; without an answer the submit will tell.
        if (current && data !== undefined) setRules(data.checkPassword.rules);
      });
    }, PAUSE);
    return () => {
      current = false;
      clearTimeout(timer);
    };
    // `about` reads the other fields at the moment of asking.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client, typed]);

  const least = data?.authConfig.passwordPolicy.minLength;
  const shown = typed === "" ? [] : rules;
  const met = shown.filter((rule) => rule.met).length;
  return (
    <PasswordField
      name={name}
      label={label}
      autoComplete="new-password"
      onType={setTyped}
      {...(least !== undefined &&
        shown.length === 0 && { hint: `At least ${least} characters. A sentence is easy to remember.` })}
    >
      {shown.length > 0 && (
        <ul className="rules">
          {shown.map(({ rule, met, message }) => (
            <li key={rule} className={met ? "met" : "unmet"}>
              <span className="hidden">{met ? "Met: " : "Not met: "}</span>
              {message}
            </li>
          ))}
        </ul>
      )}
      <p role="status" className="hidden">
        {shown.length > 0 && `${met} of ${shown.length} rules met`}
      </p>
    </PasswordField>
  );
}
