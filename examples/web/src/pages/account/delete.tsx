import { useRef } from "react";

import { end } from "../../api/session";
import { useRun } from "../../api/use_run";
import { DeleteUserDocument } from "../../generated/graphql";
import { Form, password } from "../../parts/form";
import { PasswordField } from "../../parts/password_field";

export function DeleteAccount() {
  const run = useRun();
  const dialog = useRef<HTMLDialogElement>(null);

  async function send(fields: FormData) {
    const { failure } = await run(DeleteUserDocument, {
      input: { currentPassword: password(fields, "currentPassword") },
    });
    if (failure !== undefined) return failure;
    end("deleted");
  }

  return (
    <>
      <div className="actions">
        <button type="button" className="button danger quiet" onClick={() => dialog.current?.showModal()}>
          Delete my account…
        </button>
      </div>
      <dialog ref={dialog} aria-labelledby="delete-question">
        <h2 id="delete-question">Delete your account?</h2>
        <p>This cannot be undone. Your password proves that it is you.</p>
        <Form
          submit="Delete for good"
          danger
          send={send}
          aside={
            <button type="button" className="link" onClick={() => dialog.current?.close()}>
              Keep it
            </button>
          }
        >
          <PasswordField name="currentPassword" label="Password" autoComplete="current-password" />
        </Form>
      </dialog>
    </>
  );
}
