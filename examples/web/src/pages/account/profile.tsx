import { useId } from "react";
import { useQuery } from "urql";

import { useRun } from "../../api/use_run";
import {
  AuthConfigDocument,
  UpdateUserDocument,
  type UpdateUserInput,
  type UserPartsFragment,
} from "../../generated/graphql";
import { Field, Form, text } from "../../parts/form";

/** "German" of "de", in the reader's own words. */
const nameOf = (locale: string) => new Intl.DisplayNames(["en"], { type: "language" }).of(locale) ?? locale;

export function Profile({ me }: { me: UserPartsFragment }) {
  const run = useRun();
  const locale = useId();
  const [{ data }] = useQuery({ query: AuthConfigDocument });
  const locales = new Set([me.locale, ...(data?.authConfig.locales ?? [])]);

  /** What was changed here, and no more: another tab may have changed the rest. */
  async function send(fields: FormData) {
    const input: UpdateUserInput = {};
    for (const name of ["displayName", "givenName", "familyName", "locale"] as const) {
      const value = text(fields, name);
      if (value !== (me[name] ?? "")) input[name] = value || null;
    }
    const { failure } = await run(UpdateUserDocument, { input });
    return failure ?? "Saved.";
  }

  return (
    <Form submit="Save profile" send={send}>
      <Field
        name="displayName"
        label="Display name"
        autoComplete="nickname"
        maxLength={100}
        defaultValue={me.displayName}
      />
      <div className="pair">
        <Field
          name="givenName"
          label="Given name"
          autoComplete="given-name"
          maxLength={100}
          defaultValue={me.givenName ?? ""}
        />
        <Field
          name="familyName"
          label="Family name"
          autoComplete="family-name"
          maxLength={100}
          defaultValue={me.familyName ?? ""}
        />
      </div>
      <div className="field">
        <label htmlFor={locale}>Language of our mails</label>
        <select id={locale} name="locale" defaultValue={me.locale} key={locales.size}>
          {[...locales].sort().map((tag) => (
            <option key={tag} value={tag}>
              {nameOf(tag)}
            </option>
          ))}
        </select>
      </div>
    </Form>
  );
}
