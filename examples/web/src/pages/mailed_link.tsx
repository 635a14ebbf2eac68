/** The pages that mailed links open. Looking redeems nothing: mail scanners look, too. A click does. */

import { useEffect, useEffectEvent, useId, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { exclusively } from "../api/session";
import { useRun } from "../api/use_run";
import {
  ApproveHandoffDocument,
  ConfirmEmailChangeDocument,
  HandoffChoicesDocument,
  ResetPasswordDocument,
  VerifyEmailDocument,
} from "../generated/graphql";
import { Field, Form, password, text } from "../parts/form";
import { NewPassword } from "../parts/new_password";
import { Notice, takesFocus } from "../parts/notice";
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
      <Handoff ticket={ticket} />
    </Page>
  );
}

/** Hands the answer over to the device that asked for the mail and shows one of these numbers. */
function Handoff({ ticket }: { ticket: string }) {
  const run = useRun();
  const title = useId();
  const [numbers, setNumbers] = useState<readonly number[]>([]);
  const [told, setTold] = useState<{ tone: "good" | "bad"; sentence: string }>();
  const [busy, setBusy] = useState(false);
  const look = useEffectEvent(async () => {
    const { data } = await run(HandoffChoicesDocument, { input: { ticket } });
    // Where there is nothing to hand over, nothing is offered.
    return data?.handoffChoices.numbers ?? [];
  });
  useEffect(() => {
    let here = true;
    void look().then((found) => here && setNumbers(found));
    return () => {
      here = false;
    };
  }, [ticket]);

  async function pick(handoffNumber: number) {
    if (busy) return;
    setBusy(true);
    const { data, failure } = await run(ApproveHandoffDocument, { input: { ticket, handoffNumber } });
    setBusy(false);
    if (failure !== undefined) {
      setTold({ tone: "bad", sentence: failure.sentence });
    } else if (data.approveHandoff.approved) {
      setTold({ tone: "good", sentence: "Your other device is signed in within a moment. You can close this page." });
    } else {
      const sentence = "That is another number: nobody was signed in. You can still confirm the address here.";
      setTold({ tone: "bad", sentence });
    }
  }

  if (told !== undefined) {
    return (
      <Notice tone={told.tone} ref={takesFocus}>
        {told.sentence}
      </Notice>
    );
  }
  if (numbers.length === 0) return null;
  return (
    <section className="choices" aria-labelledby={title}>
      <h2 id={title}>Does another device show a number?</h2>
      <p>If you signed up there, pick the same number here, and that device is signed in. You have one try.</p>
      <div>
        {numbers.map((number) => (
          <button key={number} type="button" className="button quiet" aria-disabled={busy} onClick={() => void pick(number)}>
            {number}
          </button>
        ))}
      </div>
    </section>
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
