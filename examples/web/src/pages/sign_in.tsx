import { Link, useLocation } from "react-router";

import { useRun } from "../api/use_run";
import { useSession } from "../api/use_session";
import { SignInDocument } from "../generated/graphql";
import { Field, Form, password, text } from "../parts/form";
import { Page } from "../parts/page";
import { PasswordField } from "../parts/password_field";
import { SignedOut } from "../parts/signed_out";
import { useResult } from "../parts/use_result";

export function SignIn() {
  const run = useRun();
  const follow = useResult();
  const session = useSession();
  const from = (useLocation().state as { from?: string } | null)?.from;

  async function send(fields: FormData) {
    const { data, failure } = await run(SignInDocument, {
      input: { login: text(fields, "login"), password: password(fields, "password"), tokenTransport: "COOKIE" },
    });
    if (failure !== undefined) return failure;
    follow(data.signIn, from);
  }

  return (
    <Page
      title="Welcome back"
      lead={
        <>
          New here? <Link to="/sign-up">Create an account</Link>
        </>
      }
    >
      <SignedOut session={session} />
      <Form submit="Sign in" send={send} aside={<Link to="/forgot">Forgot your password?</Link>}>
        <Field
          name="login"
          label="E-mail address"
          autoComplete="username"
          inputMode="email"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
        <PasswordField name="password" label="Password" autoComplete="current-password" />
      </Form>
    </Page>
  );
}
