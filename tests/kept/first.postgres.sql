CREATE TABLE public.application_connections (
    application_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    "position" integer NOT NULL
);
CREATE TABLE public.applications (
    id uuid NOT NULL,
    client_id character varying NOT NULL,
    name character varying NOT NULL,
    allowed_redirect_urls jsonb NOT NULL,
    allowed_origins jsonb NOT NULL,
    roles jsonb NOT NULL,
    sign_up_roles jsonb NOT NULL,
    default_role character varying NOT NULL,
    allowed_custom_claims jsonb NOT NULL,
    allowed_template_options jsonb NOT NULL,
    password_in_reset_request_allowed boolean NOT NULL,
    access_token_ttl integer NOT NULL,
    refresh_token_ttl integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.audit_events (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind character varying NOT NULL,
    actor character varying NOT NULL,
    user_id uuid,
    session_id uuid,
    application_id uuid,
    connection_id uuid,
    ip_address character varying,
    user_agent character varying,
    details jsonb NOT NULL
);
CREATE TABLE public.connections (
    id uuid NOT NULL,
    name character varying NOT NULL,
    sign_up_enabled boolean NOT NULL,
    email_verification_required boolean NOT NULL,
    username_required boolean NOT NULL,
    allowed_email_domains jsonb NOT NULL,
    blocked_email_domains jsonb NOT NULL,
    password_strength character varying NOT NULL,
    password_min_length integer NOT NULL,
    password_history integer NOT NULL,
    password_reject_common boolean NOT NULL,
    password_reject_personal_data boolean NOT NULL,
    password_dictionary jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    task jsonb NOT NULL,
    attempts integer NOT NULL,
    run_at timestamp with time zone NOT NULL,
    claimed_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    buried_at timestamp with time zone,
    last_error character varying
);
CREATE TABLE public.limit_counters (
    key character varying NOT NULL,
    count integer NOT NULL,
    window_ends_at timestamp with time zone NOT NULL
);
CREATE TABLE public.pending_sign_ups (
    verification_id uuid NOT NULL,
    password_hash character varying NOT NULL,
    phone_number character varying,
    display_name character varying NOT NULL,
    given_name character varying,
    middle_name character varying,
    family_name character varying,
    metadata jsonb NOT NULL,
    default_role character varying NOT NULL,
    roles jsonb NOT NULL
);
CREATE TABLE public.refresh_tokens (
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    rotated_at timestamp with time zone,
    successor_id uuid,
    sealed_successor bytea
);
CREATE TABLE public.sealed_secrets (
    name character varying NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.seaql_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    application_id uuid NOT NULL,
    user_agent character varying,
    ip_address character varying,
    amr jsonb NOT NULL,
    authenticated_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.signing_keys (
    id uuid NOT NULL,
    kid character varying NOT NULL,
    algorithm character varying NOT NULL,
    public_jwk jsonb NOT NULL,
    sealed_private_key bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    email character varying NOT NULL,
    email_key character varying NOT NULL,
    email_verified_at timestamp with time zone,
    username character varying,
    username_key character varying,
    phone_number character varying,
    display_name character varying NOT NULL,
    given_name character varying,
    middle_name character varying,
    family_name character varying,
    avatar_url character varying,
    locale character varying NOT NULL,
    metadata jsonb NOT NULL,
    app_metadata jsonb NOT NULL,
    default_role character varying NOT NULL,
    roles jsonb NOT NULL,
    password_hash character varying,
    disabled_at timestamp with time zone,
    last_sign_in_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.verifications (
    id uuid NOT NULL,
    purpose character varying NOT NULL,
    connection_id uuid NOT NULL,
    application_id uuid NOT NULL,
    user_id uuid,
    email character varying NOT NULL,
    email_key character varying NOT NULL,
    locale character varying NOT NULL,
    decoy boolean NOT NULL,
    handle_digest bytea NOT NULL,
    ticket_digest bytea NOT NULL,
    code_round integer NOT NULL,
    code_tries integer NOT NULL,
    code_expires_at timestamp with time zone,
    code_challenge character varying,
    redirect_to character varying,
    asked_from_ip character varying,
    asked_from_network character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    consumed_at timestamp with time zone
);
INSERT INTO public.application_connections VALUES ('01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', 0);
INSERT INTO public.applications VALUES ('01a1fc1e-d20b-76c7-acc0-b6e6531d6801', 'default', 'Default', '[]', '[]', '["user", "me"]', '["user", "me"]', 'user', '[]', '[]', false, 900, 2592000, '2026-11-21 03:20:40.715+00', '2026-11-21 03:20:40.715+00');
INSERT INTO public.audit_events VALUES ('01a1fc1e-d299-7123-b26e-8820921246bd', '2026-11-21 03:20:40.857+00', 'sign_up_requested', 'anonymous', NULL, NULL, '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-d8e7-71e4-8e5a-44af5a936201', '2026-11-21 03:20:42.471+00', 'signed_up', 'user', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-d9f8-7c21-a676-be82692955f0', '2026-11-21 03:20:42.744+00', 'password_changed', 'user', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-daa7-779b-81c1-dd7aaf6bdf2a', '2026-11-21 03:20:42.919+00', 'signed_in', 'user', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-daa5-7f47-a7c2-d04fe081122c', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-db2d-700d-97ba-038a118e80ca', '2026-11-21 03:20:43.053+00', 'signed_out', 'user', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-daa5-7f47-a7c2-d04fe081122c', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', NULL, '127.0.0.1', 'curl/7.88.1', '{"sessions": 1}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-db68-7551-80c8-658cae5ab734', '2026-11-21 03:20:43.112+00', 'sign_up_requested', 'anonymous', NULL, NULL, '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-e1b7-7b15-a9d9-65e5923d7c39', '2026-11-21 03:20:44.727+00', 'connection_updated', 'administrator', NULL, NULL, NULL, '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{"emailVerificationRequired": false}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-e1eb-73dc-b100-59e69e0cc367', '2026-11-21 03:20:44.779+00', 'signed_up', 'user', '01a1fc1e-e1e8-7ff5-aaa3-b04843dce1e3', '01a1fc1e-e1ea-74d7-b0b9-3226b0af7e96', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{}');
INSERT INTO public.audit_events VALUES ('01a1fc1e-e1f7-7f67-a0f8-749a1c635112', '2026-11-21 03:20:44.791+00', 'connection_updated', 'administrator', NULL, NULL, NULL, '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '127.0.0.1', 'curl/7.88.1', '{"emailVerificationRequired": true}');
INSERT INTO public.connections VALUES ('01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', 'default', true, true, false, '[]', '[]', 'NONE', 8, 0, true, true, '[]', '2026-11-21 03:20:40.715+00', '2026-11-21 03:20:44.789+00');
INSERT INTO public.jobs VALUES ('01a1fc1e-d297-7b3d-a03d-b6046a81997e', '{"kind": "send_verification", "round": 1, "verification": "01a1fc1e-d294-780d-a273-fdd8e6955028"}', 1, '2026-11-21 03:20:40.855+00', NULL, '2026-11-21 03:20:40.855+00', '2026-11-21 03:20:40.866+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('01a1fc1e-d9f7-7b30-9877-f026625f8b0d', '{"at": "2026-11-21T03:20:42.743Z", "from": "127.0.0.1", "kind": "send_password_changed", "user": "01a1fc1e-d8e4-7ce7-acc6-843642513f83"}', 1, '2026-11-21 03:20:42.743+00', NULL, '2026-11-21 03:20:42.743+00', '2026-11-21 03:20:42.749+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('01a1fc1e-db67-73f7-bde1-bfe2d1d2d2c9', '{"kind": "send_verification", "round": 1, "verification": "01a1fc1e-db66-7fda-b36b-3808b5778354"}', 1, '2026-11-21 03:20:43.111+00', NULL, '2026-11-21 03:20:43.111+00', '2026-11-21 03:20:43.118+00', NULL, NULL);
INSERT INTO public.limit_counters VALUES ('mail from 127.0.0.1', 2, '2026-11-21 04:20:40.854+00');
INSERT INTO public.pending_sign_ups VALUES ('01a1fc1e-d294-780d-a273-fdd8e6955028', '$argon2id$v=19$m=19456,t=2,p=1$fiUY+JWABsEhVHSsgMD1tA$p7oE/aeOTiQgd78zPJNlmkAWy1R5J1Q3EQKqTTYbczQ', NULL, 'Ann', NULL, NULL, NULL, '{"plan": "pro"}', 'user', '["user", "me"]');
INSERT INTO public.pending_sign_ups VALUES ('01a1fc1e-db66-7fda-b36b-3808b5778354', '$argon2id$v=19$m=19456,t=2,p=1$9dKFM9upcJvdlFbGEJbiaw$GOiVQ0RAhO5f1f1cuT4gRLRJA8ed5iNjvAt3miUaxys', NULL, 'Carl', NULL, NULL, NULL, '{"plan": "pro"}', 'user', '["user", "me"]');
INSERT INTO public.refresh_tokens VALUES ('01a1fc1e-d8e6-7d82-811e-a33b4781f035', '01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '\xacd6af536c9879c0cc728c20acb1c8d1e96ef53c33571b3668e7c3f923e6679b', '2026-11-21 03:20:42.47+00', '2026-12-21 03:20:42.469+00', '2026-11-21 03:20:42.742+00', NULL, NULL);
INSERT INTO public.refresh_tokens VALUES ('01a1fc1e-d9f6-71fb-b4b2-6b6843e36f18', '01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '\x82b8b8d2b6ca8d52701ac093a82f0da5d2f9fabe88378eab33db0ac19d162956', '2026-11-21 03:20:42.742+00', '2026-12-21 03:20:42.742+00', '2026-11-21 03:20:42.872+00', '01a1fc1e-da78-77b1-8c18-0e5bc6887b2d', '\xb75df89f3b53fb42f16c96032a07a5819a070f86e848873fc3730746c423a380349cad51a8591d72ce82a49b131d7bce9f28b81cf2952cc13fa0fd1adf7f15e54bfbd8254571e5');
INSERT INTO public.refresh_tokens VALUES ('01a1fc1e-da78-77b1-8c18-0e5bc6887b2d', '01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '\x1aff992ec8931046ed84ee3c2fb5bbf8938198caf436f495deccf633a524c793', '2026-11-21 03:20:42.874+00', '2026-12-21 03:20:42.872+00', NULL, NULL, NULL);
INSERT INTO public.refresh_tokens VALUES ('01a1fc1e-daa6-7520-9ced-c4dbc14e039b', '01a1fc1e-daa5-7f47-a7c2-d04fe081122c', '\x1fae62e0c52cdf025b12be47106a76b3eb452ea651790d5178d2eb72946665c3', '2026-11-21 03:20:42.918+00', '2026-12-21 03:20:42.915+00', NULL, NULL, NULL);
INSERT INTO public.refresh_tokens VALUES ('01a1fc1e-e1ea-71af-b754-9698eaec4f89', '01a1fc1e-e1ea-74d7-b0b9-3226b0af7e96', '\x5ffe9d5a94f150d3468c5f990c85e1fc4837148c155a5f0a766c157504869ff9', '2026-11-21 03:20:44.778+00', '2026-12-21 03:20:44.778+00', NULL, NULL, NULL);
INSERT INTO public.sealed_secrets VALUES ('ticket key', '\x6baaeffccbd24e5d0f75d3d504d230d1413a7d44514d6d5d9c583869d7af392fde3d6190b1b47922205017711e44a130ea98d75c6248013ed92e562f', '2026-11-21 03:20:40.731+00');
INSERT INTO public.seaql_migrations VALUES ('m20261120_000001_realm', 1795231240);
INSERT INTO public.seaql_migrations VALUES ('m20261120_000002_account', 1795231240);
INSERT INTO public.seaql_migrations VALUES ('m20261120_000003_session', 1795231240);
INSERT INTO public.seaql_migrations VALUES ('m20261120_000004_house', 1795231240);
INSERT INTO public.sessions VALUES ('01a1fc1e-d8e6-7882-ae6b-12d1ccd2b9d8', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', 'curl/7.88.1', '127.0.0.1', '["otp"]', '2026-11-21 03:20:42.469+00', '2026-11-21 03:20:42.469+00', '2026-11-21 03:20:42.872+00', '2026-12-21 03:20:42.872+00', '2027-02-19 03:20:42.469+00', NULL);
INSERT INTO public.sessions VALUES ('01a1fc1e-daa5-7f47-a7c2-d04fe081122c', '01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', 'curl/7.88.1', '127.0.0.1', '["pwd"]', '2026-11-21 03:20:42.915+00', '2026-11-21 03:20:42.915+00', '2026-11-21 03:20:42.915+00', '2026-12-21 03:20:42.915+00', '2027-02-19 03:20:42.915+00', '2026-11-21 03:20:43.052+00');
INSERT INTO public.sessions VALUES ('01a1fc1e-e1ea-74d7-b0b9-3226b0af7e96', '01a1fc1e-e1e8-7ff5-aaa3-b04843dce1e3', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', 'curl/7.88.1', '127.0.0.1', '["pwd"]', '2026-11-21 03:20:44.778+00', '2026-11-21 03:20:44.778+00', '2026-11-21 03:20:44.778+00', '2026-12-21 03:20:44.778+00', '2027-02-19 03:20:44.778+00', NULL);
INSERT INTO public.signing_keys VALUES ('01a1fc1e-d21b-75e1-92eb-94e020e0700a', 'doyJt-25vX-lpW_9rTOIMm_zPO46aP6RQvJMWWrr45I', 'ES256', '{"x": "JDSalWd2KvcCQ6sHmpWl16hFySWvhripKCdtjqdzOwY", "y": "Gwzrm-mBYcem5oQP9dexRA_LCsMARHE1o3u4S1PBlOg", "alg": "ES256", "crv": "P-256", "kid": "doyJt-25vX-lpW_9rTOIMm_zPO46aP6RQvJMWWrr45I", "kty": "EC", "use": "sig"}', '\x1008111a12630da373f061b03667a51598f5d902eef42dcb24e991471cce964393886747be53ecf33f37786e82b6318cfd1b2caee2c619260463c8e33b6f87024dc1150d598a57bda417e1e22c7fd6734fce04e109f5d022b63685aceade5cf71d4aded27ec3734bb1871b7f6200457985807261b3303c8d031b7f529fad0bb38cf91e4d984e96a4c80d4a5ee80a6434b2c16a91fd3abe5667c4f5ac95fa6637d370d89f4aa5', '2026-11-21 03:20:40.731+00', NULL);
INSERT INTO public.users VALUES ('01a1fc1e-d8e4-7ce7-acc6-843642513f83', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', 'Ann@Example.org', 'ann@example.org', '2026-11-21 03:20:42.468+00', NULL, NULL, NULL, 'Ann', NULL, NULL, NULL, NULL, 'de', '{"plan": "pro"}', '{}', 'user', '["user", "me"]', '$argon2id$v=19$m=19456,t=2,p=1$QJXNIigKtPQy6ngk7D4cmA$vT6j3bXqXjSyO99yBFboiAQzvi/e26VQCvyhRgBbJIk', NULL, '2026-11-21 03:20:42.916+00', '2026-11-21 03:20:42.468+00', '2026-11-21 03:20:42.74+00');
INSERT INTO public.users VALUES ('01a1fc1e-e1e8-7ff5-aaa3-b04843dce1e3', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', 'bob@example.org', 'bob@example.org', NULL, NULL, NULL, NULL, 'Bob', NULL, NULL, NULL, NULL, 'de', '{"plan": "pro"}', '{}', 'user', '["user", "me"]', '$argon2id$v=19$m=19456,t=2,p=1$4Iq7+Mq6thXGFUKhzBVwdQ$n0Rue17djXX8CRbtsy2cxnfvshbvGLjkZj3PJBhtMM0', NULL, '2026-11-21 03:20:44.778+00', '2026-11-21 03:20:44.776+00', '2026-11-21 03:20:44.776+00');
INSERT INTO public.verifications VALUES ('01a1fc1e-d294-780d-a273-fdd8e6955028', 'sign_up', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', NULL, 'Ann@Example.org', 'ann@example.org', 'de', false, '\x763d4edd6227ab282e9ab592a4349372575e799e024dd7e867ba6f32561f2b40', '\x42644994f1f692d7b5f3cf7ec50d43f121b464e691237263b4a8c446592737c0', 1, 0, '2026-11-21 03:30:40.858+00', NULL, NULL, '127.0.0.1', '127.0.0.1', '2026-11-21 03:20:40.852+00', '2026-11-22 03:20:40.852+00', '2026-11-21 03:20:42.468+00');
INSERT INTO public.verifications VALUES ('01a1fc1e-db66-7fda-b36b-3808b5778354', 'sign_up', '01a1fc1e-d20b-76c7-acc0-b6e5ce596f98', '01a1fc1e-d20b-76c7-acc0-b6e6531d6801', NULL, 'carl@example.org', 'carl@example.org', 'de', false, '\x1a2dc81009e751fa631e7ec8005ab232d81544dabc5743b85780d53e6974b2bc', '\xe35adc54eb9cfa56b1c8ed7e9ab265531de3b99b0d4818af44db1ba1c97585ef', 1, 0, '2026-11-21 03:30:43.113+00', NULL, NULL, '127.0.0.1', '127.0.0.1', '2026-11-21 03:20:43.11+00', '2026-11-22 03:20:43.11+00', NULL);
ALTER TABLE ONLY public.application_connections
    ADD CONSTRAINT application_connections_pkey PRIMARY KEY (application_id, connection_id);
ALTER TABLE ONLY public.applications
    ADD CONSTRAINT applications_client_id_key UNIQUE (client_id);
ALTER TABLE ONLY public.applications
    ADD CONSTRAINT applications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_name_key UNIQUE (name);
ALTER TABLE ONLY public.connections
    ADD CONSTRAINT connections_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.limit_counters
    ADD CONSTRAINT limit_counters_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.pending_sign_ups
    ADD CONSTRAINT pending_sign_ups_pkey PRIMARY KEY (verification_id);
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sealed_secrets
    ADD CONSTRAINT sealed_secrets_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.seaql_migrations
    ADD CONSTRAINT seaql_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_kid_key UNIQUE (kid);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_handle_digest_key UNIQUE (handle_digest);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_ticket_digest_key UNIQUE (ticket_digest);
CREATE INDEX audit_events_user ON public.audit_events USING btree (user_id, at);
CREATE INDEX jobs_due ON public.jobs USING btree (run_at) WHERE ((done_at IS NULL) AND (buried_at IS NULL));
CREATE INDEX refresh_tokens_session ON public.refresh_tokens USING btree (session_id);
CREATE INDEX sessions_user ON public.sessions USING btree (user_id);
CREATE UNIQUE INDEX users_email_key ON public.users USING btree (connection_id, email_key);
CREATE UNIQUE INDEX users_username_key ON public.users USING btree (connection_id, username_key);
CREATE INDEX verifications_address ON public.verifications USING btree (connection_id, email_key);
CREATE INDEX verifications_user ON public.verifications USING btree (user_id);
ALTER TABLE ONLY public.application_connections
    ADD CONSTRAINT application_connections_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.applications(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.application_connections
    ADD CONSTRAINT application_connections_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES public.connections(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.pending_sign_ups
    ADD CONSTRAINT pending_sign_ups_verification_id_fkey FOREIGN KEY (verification_id) REFERENCES public.verifications(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.applications(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES public.connections(id);
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.applications(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES public.connections(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
