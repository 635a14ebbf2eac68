// GraphiQL with four ready tabs that walk a newcomer from sign-up to `me`.
//
// What an answer brings is carried to where it is needed next: an access token into the headers of every tab, the
// verification id of a sign-up into the variables of VerifyEmail. Nothing is kept: a token that rests in the
// browser's storage outlives the wish to try something out, so a reload starts afresh.
"use strict";

(() => {
  const ENDPOINT = "/graphql";
  const INBOX = "/dev/inbox";
  const container = document.getElementById("graphiql");

  const missing = ["React", "ReactDOM", "GraphiQL"].filter((name) => !(name in window));
  if (missing.length > 0) {
    container.firstElementChild.textContent =
      `GraphiQL could not be loaded (no ${missing.join(", ")}). Any other client can POST to ${ENDPOINT}.`;
    return;
  }

  const { createElement: h, useCallback, useLayoutEffect, useRef, useState } = React;
  const { useEditorContext } = GraphiQL.React;
  const { parse, visit } = GraphiQL.GraphQL;

  // What the tabs show at first. An answer replaces such a value wherever it still stands, and nothing typed over it.
  const standing = {
    email: "ann@example.com",
    password: "correct horse battery",
    verificationId: "SignUp puts it here",
  };

  const session = `
    ... on Session {
      accessToken
      expiresIn
      refreshToken
      firstSeen
      user {
        id
        email
      }
    }`;

  const tabs = [
    {
      query: `# 1 of 4. Press ▶ to ask for an account. The mail
# that this sends waits at ${INBOX}; its link is
# at the top right. The next tab is VerifyEmail.
mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    __typename
    ... on PendingVerification {
      verificationId
      email
      methods
      expiresAt
    }
    ... on Session {
      accessToken
    }
  }
}
`,
      variables: { input: { email: standing.email, password: standing.password, displayName: "Ann" } },
    },
    {
      query: `# 2 of 4. Prove that the mail arrived: type its six
# digits from ${INBOX} into the variables below.
# The access token that comes back goes into the
# Headers of every tab by itself.
mutation VerifyEmail($input: VerifyEmailInput!) {
  verifyEmail(input: $input) {
    __typename${session}
  }
}
`,
      variables: { input: { proof: { code: { verificationId: standing.verificationId, code: "six digits" } } } },
    },
    {
      query: `# 3 of 4. Sign in with the password, as on any later
# day. The new session's access token takes the place
# of the first one in the Headers.
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    __typename${session}
  }
}
`,
      variables: { input: { login: standing.email, password: standing.password } },
    },
    {
      query: `# 4 of 4. Who am I, and where am I signed in?
# Without a token in the Headers, me is null. The
# book at the top left documents everything else.
query Me {
  me {
    id
    email
    emailVerified
    displayName
    roles
    createdAt
    sessions {
      id
      current
      userAgent
      lastUsedAt
      expiresAt
    }
  }
}
`,
    },
  ].map(({ query, variables }) => ({ query, variables: variables ? JSON.stringify(variables, null, 2) : "" }));

  /** A Storage that ends with the page. At first it gives the query 1.7 times the height of its variables. */
  function pageStorage() {
    const items = new Map([["graphiql:secondaryEditorFlex", "1.7"]]);
    return {
      get length() {
        return items.size;
      },
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, String(value)),
      removeItem: (key) => void items.delete(key),
      clear: () => items.clear(),
    };
  }

  async function post(params, headers) {
    const response = await fetch(ENDPOINT, {
      method: "POST",
      headers: {
        ...headers,
        accept: "application/graphql-response+json, application/json;q=0.9",
        "content-type": "application/json",
      },
      body: JSON.stringify(params),
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`HTTP ${response.status}: ${text || response.statusText}`);
    }
  }

  /** The first string in the answer that the query selected as `field`, whatever it is called there. */
  function selected(answer, field, query) {
    if (!answer?.data) return undefined;
    const names = new Set([field]);
    visit(parse(query), {
      Field(node) {
        if (node.name.value === field && node.alias) names.add(node.alias.value);
      },
    });
    const search = (value) => {
      if (typeof value !== "object" || value === null) return undefined;
      for (const [name, inner] of Object.entries(value)) {
        const found = names.has(name) && typeof inner === "string" ? inner : search(inner);
        if (found) return found;
      }
      return undefined;
    };
    return search(answer.data);
  }

  /** The headers pane with the token in it. Text that is no JSON object is being edited, and stays. */
  function withBearer(text, token) {
    let headers;
    try {
      headers = JSON.parse(text.trim() || "{}");
    } catch {
      return text;
    }
    if (typeof headers !== "object" || headers === null || Array.isArray(headers)) return text;
    const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization");
    return JSON.stringify({ ...Object.fromEntries(others), Authorization: `Bearer ${token}` }, null, 2);
  }

  /**
   * Rewrites one pane, `headers` or `variables`, in every tab. GraphiQL 4 offers a call for the active tab only, and
   * reads any other when it is opened; until then the plain object in its list is the tab, so that is what changes.
   */
  function rewrite(editors, pane, edit) {
    editors.tabs.forEach((tab, index) => {
      if (index !== editors.activeTabIndex) tab[pane] = edit(tab[pane] ?? "");
    });
    const editor = pane === "headers" ? editors.headerEditor : editors.variableEditor;
    const before = editor?.getValue();
    const after = editor && edit(before);
    if (after !== before) editor.setValue(after);
  }

  function carry(editors, name, value) {
    if (typeof value !== "string" || !value) return;
    const [from, to] = [standing[name], value].map((text) => JSON.stringify(text));
    rewrite(editors, "variables", (text) => text.replaceAll(from, () => to));
    standing[name] = value;
  }

  const inboxLink = (text) => h("a", { href: INBOX, target: "_blank", rel: "noopener" }, text);

  const NEXT = {
    start: ["No access token yet. Run SignUp: its mail arrives in the ", inboxLink("inbox"), "."],
    pending: ["Next: read the code in the ", inboxLink("inbox"), ", type it into VerifyEmail's variables, and run that."],
    signedIn: ["Signed in: the access token now stands in the Headers of every tab. Me shows who you are."],
  };

  /** The line below the answer; it also hands GraphiQL's editors to the fetcher, which lives outside its context. */
  function Next({ editors, step }) {
    const context = useEditorContext({ nonNull: true });
    useLayoutEffect(() => {
      editors.current = context;
    });
    return h("div", { className: "vestibule-next", role: "status" }, ...NEXT[step]);
  }

  function Playground() {
    const editors = useRef(null);
    const [storage] = useState(pageStorage);
    const [step, setStep] = useState("start");
    const [defaultHeaders, setDefaultHeaders] = useState("");

    const fetcher = useCallback(async (params, options) => {
      const answer = await post(params, options?.headers);
      const token = selected(answer, "accessToken", params.query);
      const verificationId = /\b(signUp|resendVerification)\b/.test(params.query)
        ? selected(answer, "verificationId", params.query)
        : undefined;
      if (!editors.current || (!token && !verificationId)) return answer;

      if (/\bsignUp\b/.test(params.query)) {
        carry(editors.current, "email", params.variables?.input?.email);
        carry(editors.current, "password", params.variables?.input?.password);
      }
      carry(editors.current, "verificationId", verificationId);
      if (token) {
        rewrite(editors.current, "headers", (text) => withBearer(text, token));
        setDefaultHeaders(withBearer("", token));
      }
      setStep(token ? "signedIn" : "pending");
      return answer;
    }, []);

    return h(
      GraphiQL,
      {
        fetcher,
        storage,
        shouldPersistHeaders: false,
        defaultTabs: tabs,
        // GraphiQL shows the first ready tab's query by itself, but not its variables.
        variables: tabs[0].variables,
        defaultQuery: "",
        defaultHeaders,
        defaultEditorToolsVisibility: "variables",
      },
      h(GraphiQL.Logo, null, h("span", { className: "vestibule-name" }, "Vestibule"),
        h("a", { className: "vestibule-inbox", href: INBOX, target: "_blank", rel: "noopener" }, "Inbox")),
      h(GraphiQL.Footer, null, h(Next, { editors, step })),
    );
  }

  ReactDOM.createRoot(container).render(h(Playground));
})();
