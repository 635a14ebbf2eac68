import { useState } from "react";

import { adopt, exclusively } from "../../api/session";
import { linkTo } from "../../api/settings";
import { useRun } from "../../api/use_run";
import {
  ConfirmEmailChangeDocument,
  type PendingPartsFragment,
  RequestEmailChangeDocument,
} from "../../generated/graphql";
import { Field, Form, password, text } from "../../parts/form";
import { Notice, takesFocus } from "../../parts/notice";
import { PasswordField } from "../../parts/password_field";
import { Resend } from "../../parts/resend";
import { SixDigits } from "../check_mail";

export function Email({ email }: { email: string }) {
  const run = useRun();
  const [pending, setPending] = useState<PendingPartsFragment>();
  const [changed, setChanged] = useState(false);

  async function request(fields: FormData) {
    setChanged(false);
    const { data, failure } = await run(RequestEmailChangeDocument, {
      input: {
        newEmail: text(fields, "newEmail"),
        currentPassword: password(fields, "currentPassword"),
        redirectTo: linkTo("/confirm-email"),
      },
    });
    if (failure !== undefined) return failure;
    const result = data.requestEmailChange;
    if (result.__typename === "PendingVerification") setPending(result);
  }

  async function confirm(fields: FormData) {
    if (pending === undefined) return;
    const { verificationId } = pending;
    const input = { proof: { code: { verificationId, code: text(fields, "code") } } };
    const { data, failure } = await exclusively(() => run(ConfirmEmailChangeDocument, { input }));
    if (failure !== undefined) return failure;
    const result = data.confirmEmailChange;
    if (result.__typename === "Session") adopt(result);
    setPending(undefined);
    setChanged(true);
  }

  if (pending !== undefined) {
    return (
      <>
        <Notice tone="plain" ref={takesFocus}>
          If <strong>{pending.email}</strong> can be used here, a mail is on its way. Follow its link, or enter its
          code.
        </Notice>
        <Form
          key="confirm"
          submit="Use this address"
          send={confirm}
          aside={
            <button type="button" className="link" onClick={() => setPending(undefined)}>
              Keep {email}
            </button>
          }
        >
          <SixDigits />
        </Form>
        <Resend verificationId={pending.verificationId} resendAt={pending.resendAt} />
      </>
    );
  }
  return (
    <>
      {changed && (
        <Notice tone="good" ref={takesFocus}>
          From now on you sign in with {email}.
        </Notice>
      )}
      <Form key="request" submit="Change address" send={request}>
        <Field name="newEmail" label="New e-mail address" type="email" autoComplete="email" required />
        <PasswordField name="currentPassword" label="Your password" autoComplete="current-password" />
      </Form>
    </>
  );
}
