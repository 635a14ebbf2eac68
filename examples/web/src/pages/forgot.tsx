import { Link } from "react-router";

import { linkTo } from "../api/settings";
import { useRun } from "../api/use_run";
import { RequestPasswordResetDocument } from "../generated/graphql";
import { Field, Form, text } from "../parts/form";
import { Page } from "../parts/page";
import { useResult } from "../parts/use_result";

export function Forgot() {
  const run = useRun();
  const follow = useResult();

  async function send(fields: FormData) {
    const { data, failure } = await run(RequestPasswordResetDocument, {
      input: { email: text(fields, "email"), redirectTo: linkTo("/reset") },
    });
    if (failure !== undefined) return failure;
    follow(data.requestPasswordReset);
  }

  return (
    <Page title="Forgot your password?" lead="We mail you a link and a code, with which you choose a new one.">
      <Form submit="Send the mail" send={send} aside={<Link to="/sign-in">Back to sign in</Link>}>
        <Field name="email" label="E-mail address" type="email" autoComplete="email" required />
      </Form>
    </Page>
  );
}
