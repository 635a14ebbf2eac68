/** The pages that mailed links open. Looking redeems nothing: mail scanners look, too. A click does. */

import { useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { exclusively } from "../api/session";
import { useRun } from "../api/use_run";
import { ConfirmEmailChangeDocument, ResetPasswordDocument, VerifyEmailDocument } from "../generated/graphql";
import { Field, Form, password, text } from "../parts/form";
import { NewPassword } from "../parts/new_password";
import { Page } from "../parts/page";
import { useResult } from "../parts/use_result";

/** The ticket of the address bar, which it leaves at once: it is a secret until it is used. */
function useTicket(): string | null {
  const [parameters, setParameters] = useSearchParams();
  const [ticket] = useState(() => parameters.get("ticket"));
  const there = parameters.has("ticket");
  useEffect(() => {
    if (there) setParameters({}, { replace: true });
  }, [there, setParameters]);
  return ticket;
}

function NoTicket() {
  return (
    <Page title="This link is not complete">
      <p>
        Please copy the whole link out of the mail, or <Link to="/sign-in">sign in</Link>.
      </p>
    </Page>
  );
}

export function Verify() {
  const run = useRun();
  const follow = useResult();
  const ticket = useTicket();
  const [taken, setTaken] = useState(false);
  if (ticket === null) return <NoTicket />;

  const send = async (fields: FormData) => {
    const { data, failure } = await run(VerifyEmailDocument, {
      input: { proof: { ticket }, username: text(fields, "username") || null, tokenTransport: "COOKIE" },
    });
    if (failure?.code === "USERNAME_TAKEN") setTaken(true);
    if (failure !== undefined) return failure;
    follow(data.verifyEmail);
  };

  return (
    <Page title="Confirm your address" lead="One click, and your account is ready.">
      <Form submit="Confirm my e-mail address" send={send}>
        {taken && (
          <Field name="username" label="Another username" autoComplete="username" autoCapitalize="none" required />
        )}
      </Form>
    </Page>
  );
}

export function Reset() {
  const run = useRun();
  const follow = useResult();
  const ticket = useTicket();
  if (ticket === null) return <NoTicket />;

  const send = async (fields: FormData) => {
    const { data, failure } = await run(ResetPasswordDocument, {
      input: { proof: { ticket }, newPassword: password(fields, "newPassword"), tokenTransport: "COOKIE" },
    });
    if (failure !== undefined) return failure;
    follow(data.resetPassword);
  };

  return (
    <Page title="Choose a new password" lead="It signs you in here, and out everywhere else.">
      <Form submit="Save and sign in" send={send}>
        <NewPassword name="newPassword" label="New password" />
      </Form>
    </Page>
  );
}

/** Signed in: whoever asked for the change confirms it. */
export function ConfirmEmail() {
  const run = useRun();
  const follow = useResult();
  const ticket = useTicket();
  if (ticket === null) return <NoTicket />;

  const send = async () => {
    const { data, failure } = await exclusively(() =>
      run(ConfirmEmailChangeDocument, { input: { proof: { ticket } } }),
    );
    if (failure !== undefined) return failure;
    follow(data.confirmEmailChange);
  };

  return (
    <Page title="Confirm your new address" lead="From then on you sign in with it.">
      <Form submit="Use this address" send={send}>
        {null}
      </Form>
    </Page>
  );
}
