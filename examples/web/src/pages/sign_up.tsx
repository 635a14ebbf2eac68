import { useRef } from "react";
import { Link } from "react-router";
import { useQuery } from "urql";

import { linkTo } from "../api/settings";
import { useRun } from "../api/use_run";
import { AuthConfigDocument, SignUpDocument } from "../generated/graphql";
import { Field, Form, password, text } from "../parts/form";
import { NewPassword } from "../parts/new_password";
import { Notice } from "../parts/notice";
import { Page } from "../parts/page";
import { useResult } from "../parts/use_result";

export function SignUp() {
  const run = useRun();
  const follow = useResult();
  const [{ data }] = useQuery({ query: AuthConfigDocument });
  const email = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  const config = data?.authConfig;

  async function send(fields: FormData) {
    const { data, failure } = await run(SignUpDocument, {
      input: {
        email: text(fields, "email"),
        password: password(fields, "password"),
        displayName: text(fields, "displayName") || null,
        username: text(fields, "username") || null,
        redirectTo: linkTo("/verify"),
        tokenTransport: "COOKIE",
      },
    });
    if (failure !== undefined) return failure;
    follow(data.signUp);
  }

  return (
    <Page
      title="Create your account"
      lead={
        <>
          Already have one? <Link to="/sign-in">Sign in</Link>
        </>
      }
    >
      {config?.signUpEnabled === false && <Notice tone="plain">New accounts cannot be made at the moment.</Notice>}
      <Form submit="Create account" send={send}>
        <Field
          name="displayName"
          label="Name"
          hint="What we call you. You can leave it out."
          autoComplete="name"
          maxLength={100}
          ref={name}
        />
        <Field name="email" label="E-mail address" type="email" autoComplete="email" required ref={email} />
        {config?.usernameRequired === true && (
          <Field
            name="username"
            label="Username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
          />
        )}
        <NewPassword
          name="password"
          label="Password"
          about={() => ({ email: email.current?.value || null, displayName: name.current?.value || null })}
        />
      </Form>
    </Page>
  );
}
