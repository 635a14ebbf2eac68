import { useState } from "react";

import { adopt, exclusively } from "../../api/session";
import { useRun } from "../../api/use_run";
import { ChangePasswordDocument, type UserPartsFragment } from "../../generated/graphql";
import { Form, password } from "../../parts/form";
import { NewPassword } from "../../parts/new_password";
import { Notice, takesFocus } from "../../parts/notice";
import { PasswordField } from "../../parts/password_field";

export function Password({ me }: { me: UserPartsFragment }) {
  const run = useRun();
  const [changes, setChanges] = useState(0);

  async function send(fields: FormData) {
    const input = {
      currentPassword: password(fields, "currentPassword"),
      newPassword: password(fields, "newPassword"),
      tokenTransport: "COOKIE" as const,
    };
    const { data, failure } = await exclusively(() => run(ChangePasswordDocument, { input }));
    if (failure !== undefined) return failure;
    if (data.changePassword.__typename === "Session") adopt(data.changePassword);
    setChanges(changes + 1);
  }

  return (
    <>
      {changes > 0 && (
        <Notice tone="good" ref={takesFocus} key={`told-${changes}`}>
          Your new password is saved. Every other session has ended.
        </Notice>
      )}
      {/* Another form each time: no password stays in a field. */}
      <Form key={changes} submit="Change password" send={send}>
        {/* Password managers look for the name beside the password. */}
        <input type="text" name="username" autoComplete="username" value={me.email} readOnly hidden />
        <PasswordField name="currentPassword" label="Current password" autoComplete="current-password" />
        <NewPassword
          name="newPassword"
          label="New password"
          about={() => ({
            email: me.email,
            displayName: me.displayName,
            givenName: me.givenName ?? null,
            familyName: me.familyName ?? null,
          })}
        />
      </Form>
    </>
  );
}
