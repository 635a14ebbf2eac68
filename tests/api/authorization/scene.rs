//! Somebody who asks, and what they ask about: made anew for every question, so that none disturbs the next.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::account::handoff::pick;
use crate::harness::{Client, PASSWORD, TestApp};

static NUMBER: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Anonymous,
    User,
    Other,
    Disabled,
    Administrator,
    Secret,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Anonymous,
        Self::User,
        Self::Other,
        Self::Disabled,
        Self::Administrator,
        Self::Secret,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Other => "other",
            Self::Disabled => "disabled",
            Self::Administrator => "administrator",
            Self::Secret => "secret",
        }
    }
}

pub struct Scene<'a> {
    test: &'a TestApp,
    kind: Kind,
    /// Whose things are asked about.
    pub owner: Client,
    pub owner_email: String,
    /// Who asks.
    pub caller: Client,
    caller_email: String,
}

fn unused(what: &str) -> String {
    format!("{what}{}", NUMBER.fetch_add(1, Ordering::SeqCst))
}

fn address() -> String {
    unused("somebody") + "@example.org"
}

impl<'a> Scene<'a> {
    pub async fn set(test: &'a TestApp, kind: Kind) -> Self {
        let (owner, owner_email) = account(test).await;
        let (caller, caller_email) = match kind {
            Kind::Anonymous => (test.anon(), owner_email.clone()),
            Kind::Secret => (test.admin(), owner_email.clone()),
            Kind::User => (owner.clone(), owner_email.clone()),
            Kind::Other => account(test).await,
            Kind::Disabled => {
                let (caller, email) = account(test).await;
                update(test, &caller, json!({ "disabled": true })).await;
                (caller, email)
            }
            Kind::Administrator => {
                let (caller, email) = account(test).await;
                let roles = json!({ "roles": ["user", "me", "vestibule-admin"] });
                update(test, &caller, roles).await;
                (caller, email)
            }
        };
        Self {
            test,
            kind,
            owner,
            owner_email,
            caller,
            caller_email,
        }
    }

    /// Good arguments of the field, so that nothing but the caller decides.
    pub async fn variables(&self, field: &str) -> Value {
        let (_, name) = field.split_once('.').expect("a path");
        let owner = self.owner.user_id.as_str();
        let input = match name {
            "me" | "authConfig" => return json!({}),
            "node" => return json!({ "id": owner }),
            "nodes" => return json!({ "ids": [owner] }),
            "adminUser" => return json!({ "by": { "id": owner } }),
            "adminConnection" => return json!({ "name": "default" }),
            "adminApplication" => return json!({ "clientId": "default" }),
            "adminTenant" => return json!({ "id": self.tenant().await }),
            "adminUsers"
            | "adminConnections"
            | "adminApplications"
            | "adminTenants"
            | "adminPendingSignUps"
            | "adminAuditEvents"
            | "adminMails" => {
                return json!({ "first": 1 });
            }
            "signUp" => json!({ "email": address(), "password": PASSWORD }),
            "verifyEmail" => json!({ "proof": { "ticket": self.pending().await.1 } }),
            "awaitVerification" => {
                let (handle, ticket) = self.pending().await;
                let number = self.test.app.tickets.handoff(&handle).number;
                let picked = pick(&self.test.anon(), &ticket, number).await.ok();
                assert_eq!(picked.at("/data/approveHandoff/approved"), json!(true));
                json!({ "verificationId": handle })
            }
            "handoffChoices" => json!({ "ticket": self.pending().await.1 }),
            "approveHandoff" => {
                let (handle, ticket) = self.pending().await;
                let number = self.test.app.tickets.handoff(&handle).number;
                json!({ "ticket": ticket, "handoffNumber": number })
            }
            "resendVerification" => json!({ "verificationId": self.pending().await.0 }),
            "signIn" => json!({ "login": self.caller_email, "password": PASSWORD }),
            "checkPassword" => json!({ "password": "x" }),
            "requestPasswordReset" => json!({ "email": self.owner_email }),
            "resetPassword" => {
                json!({ "proof": { "ticket": self.reset().await }, "newPassword": "a brand new horse" })
            }
            "refreshSession" | "signOut" => {
                let whose = match self.kind {
                    Kind::Disabled => &self.caller,
                    _ => &self.owner,
                };
                json!({ "refreshToken": whose.refresh_token })
            }
            "undoEmailChange" => json!({ "ticket": self.changed_address().await }),
            "requestEmailChange" => json!({ "newEmail": address(), "currentPassword": PASSWORD }),
            "confirmEmailChange" => {
                let email = address();
                self.ask_for_address(&email).await;
                json!({ "proof": { "ticket": self.test.mail_to(&email).await.ticket() } })
            }
            "updateUser" => json!({ "givenName": "Ann" }),
            "deleteUser" => json!({ "currentPassword": PASSWORD }),
            "changePassword" => {
                json!({ "currentPassword": PASSWORD, "newPassword": "a brand new horse" })
            }
            "revokeSession" => json!({ "sessionId": self.owner.session_id }),
            _ => self.administration(name).await,
        };
        json!({ "input": input })
    }

    async fn administration(&self, name: &str) -> Value {
        let owner = self.owner.user_id.as_str();
        match name {
            "adminCreateUser" => json!({ "email": address(), "password": PASSWORD }),
            "adminUpdateUser" => json!({ "userId": owner, "givenName": "Ann" }),
            "adminDeleteUser" | "adminRevokeSessions" => json!({ "userId": owner }),
            "adminSendLink" | "adminMakeLink" => {
                json!({ "userId": owner, "purpose": "PASSWORD_RESET" })
            }
            "adminDiscardPendingSignUp" => {
                self.pending().await;
                let newest = "{ adminPendingSignUps(first: 1) { nodes { id } } }";
                json!({ "pendingSignUpId": self.ask(newest, json!({})).await["adminPendingSignUps"]["nodes"][0]["id"] })
            }
            "adminCreateConnection" => json!({ "name": unused("connection") }),
            "adminUpdateConnection" => json!({ "name": "default", "usernameRequired": false }),
            "adminDeleteConnection" => {
                let name = unused("connection");
                self.mutate("adminCreateConnection", json!({ "name": name }), "name")
                    .await;
                json!({ "name": name })
            }
            "adminCreateApplication" => json!({ "name": "An application" }),
            "adminUpdateApplication" => json!({ "clientId": "default", "name": "The application" }),
            "adminDeleteApplication" => {
                let input = json!({ "name": "An application" });
                json!({ "clientId": self.mutate("adminCreateApplication", input, "clientId").await })
            }
            "adminCreateTenant" => json!({ "name": unused("tenant") }),
            "adminUpdateTenant" => {
                json!({ "tenantId": self.tenant().await, "name": unused("tenant") })
            }
            "adminDeleteTenant" => json!({ "tenantId": self.tenant().await }),
            "adminSetTenantMember" => {
                json!({ "tenantId": self.tenant().await, "userId": owner, "roles": ["member"] })
            }
            "adminRemoveTenantMember" => {
                let membership =
                    json!({ "tenantId": self.tenant().await, "userId": owner, "roles": [] });
                self.mutate("adminSetTenantMember", membership.clone(), "id")
                    .await;
                json!({ "tenantId": membership["tenantId"], "userId": owner })
            }
            "adminRetryMail" => json!({ "mailId": self.mail(true).await }),
            "adminDiscardMail" => json!({ "mailId": self.mail(false).await }),
            _ => panic!("{name} has a row and no arguments"),
        }
    }

    /// A sign-up that waits for its mail: handle and ticket.
    async fn pending(&self) -> (String, String) {
        let email = address();
        self.test.require_verification(true).await;
        let handle = self
            .test
            .anon()
            .sign_up(&email)
            .await
            .ok()
            .text("/data/signUp/verificationId");
        self.test.require_verification(false).await;
        (handle, self.test.mail_to(&email).await.ticket())
    }

    async fn reset(&self) -> String {
        let input = json!({ "input": { "email": self.owner_email } });
        self.test
            .anon()
            .run("request_password_reset", input)
            .await
            .ok();
        self.test.mail_to(&self.owner_email).await.ticket()
    }

    async fn ask_for_address(&self, email: &str) {
        let input = json!({ "newEmail": email, "currentPassword": PASSWORD });
        self.owner
            .run("request_email_change", json!({ "input": input }))
            .await
            .ok();
    }

    /// The ticket that takes a change of the owner's address back.
    async fn changed_address(&self) -> String {
        let email = address();
        self.ask_for_address(&email).await;
        let ticket = self.test.mail_to(&email).await.ticket();
        let input = json!({ "input": { "proof": { "ticket": ticket } } });
        self.owner.run("confirm_email_change", input).await.ok();
        self.test.mail_to(&self.owner_email).await.ticket()
    }

    async fn tenant(&self) -> Value {
        self.mutate(
            "adminCreateTenant",
            json!({ "name": unused("tenant") }),
            "id",
        )
        .await
    }

    /// A mail that waits, or one that was given up.
    async fn mail(&self, buried: bool) -> Value {
        // Nothing else waits.
        self.test.run_jobs().await;
        let input = json!({ "input": { "email": self.owner_email } });
        self.test
            .anon()
            .run("request_password_reset", input)
            .await
            .ok();
        let newest = "{ adminMails(first: 1, filter: { state: QUEUED }) { nodes { id } } }";
        let id = self.ask(newest, json!({})).await["adminMails"]["nodes"][0]["id"].take();
        if buried {
            crate::support::bury(self.test, id.as_str().expect("an id")).await;
        }
        id
    }

    async fn mutate(&self, name: &str, input: Value, answered: &str) -> Value {
        let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
        let document =
            format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {answered} }} }}");
        self.ask(&document, json!({ "input": input })).await[name][answered].take()
    }

    /// As the administrator that every installation has.
    async fn ask(&self, document: &str, variables: Value) -> Value {
        self.test
            .admin()
            .query(document, variables)
            .await
            .ok()
            .at("/data")
    }
}

/// Someone new, signed in.
async fn account(test: &TestApp) -> (Client, String) {
    let email = address();
    test.require_verification(false).await;
    let answer = test.anon().sign_up(&email).await.ok();
    (test.anon().signed_in(&answer.at("/data/signUp")), email)
}

async fn update(test: &TestApp, user: &Client, mut fields: Value) {
    fields["userId"] = json!(user.user_id);
    let document =
        "mutation($input: AdminUpdateUserInput!) { adminUpdateUser(input: $input) { id } }";
    test.admin()
        .query(document, json!({ "input": fields }))
        .await
        .ok();
}
