//! The detectors.
//!
//! Rules for a new one: a class that excludes bytes (`[^…]`) or holds bytes beyond ASCII is repeated without an upper
//! limit, or a hit could begin or end inside a character; its mask is its name in brackets, and no hit of any detector;
//! `needs` and `shortest` hold for every hit; its place in the table is named in `set`, and `hint` rules it out only where
//! there is no hit (it rules out nothing that it does not know); what the expression lets through, the check may refuse.

use super::{Detector, Expression, Named, check, compile, kind};
use std::sync::LazyLock;

/// Between a name and its value: `=`, `:`, `=>`, `:=`, behind the end of a quoted name, whose quote may be escaped.
const ASSIGNED: &str = r#"\\*["']?\s*(?:=>?|:=?)\s*"#;
/// Names that a generic secret is stored under.
const TOKEN_NAMES: &str = r"api[_-]?key|(?:access|auth|account|encryption|signing|private|master)[_-]?key|(?:client|app|shared|consumer|webhook)[_-]?secret|secret(?:[_-]?key)?|token";
/// Names that a password is stored under.
const PASSWORD_NAMES: &str = r"password|passwd|passphrase|passwort|pwd";
/// Names that an AWS secret access key or session token is stored under.
const AWS_NAMES: &str = r"aws[a-z0-9_. -]{0,24}|secret[_-]?access[_-]?key|session[_-]?token";

/// The line that ends a private key in PEM or PGP form.
pub(crate) static END_OF_KEY: Expression =
    LazyLock::new(|| compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"));

/// A quotation behind a password's name that is not closed at the end of a text.
pub(crate) static OPEN_QUOTATION: Expression = LazyLock::new(|| {
    compile(&format!(
        r#"(?i)(?:{PASSWORD_NAMES}){ASSIGNED}(?:"(?:[^"\\]|\\.)*\\?|'(?:[^'\\]|\\.)*\\?)\z"#
    ))
});

pub(super) static DETECTORS: [Detector; 15] = [
    Detector {
        name: "email",
        finds: "e-mail addresses, also with letters beyond ASCII",
        mask: "[email]",
        needs: &[kind::AT | kind::DOT],
        shortest: 5,
        expression: LazyLock::new(|| {
            compile(
                r"(?:[A-Za-z0-9.!#$%*+^_~\x80-\xff-]+')*[A-Za-z0-9.!#$%*+^_~\x80-\xff-]+@[A-Za-z0-9\x80-\xff-]+(?:\.[A-Za-z0-9\x80-\xff-]+)+",
            )
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "card",
        finds: "payment card numbers of 13 to 19 digits, with spaces or dashes, by issuer's prefix and Luhn's checksum",
        mask: "[card]",
        needs: &[kind::DIGIT],
        shortest: 13,
        // As many digits as the shortest number has, and no more: in a run of numbers, each would be matched to the run's end.
        expression: LazyLock::new(|| compile(r"[0-9](?:[ -]?[0-9]){12}")),
        check: check::card,
        named: None,
    },
    Detector {
        name: "iban",
        finds: "international bank account numbers, by country's length and checksum",
        mask: "[iban]",
        needs: &[kind::DIGIT],
        shortest: 15,
        expression: LazyLock::new(|| compile(r"(?i)\b[A-Z]{2}[0-9]{2}")),
        check: check::iban,
        named: None,
    },
    Detector {
        name: "us-ssn",
        finds: "United States social security numbers written 123-45-6789",
        mask: "[us-ssn]",
        needs: &[kind::DIGIT | kind::DASH],
        shortest: 11,
        expression: LazyLock::new(|| compile(r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b")),
        check: check::us_ssn,
        named: None,
    },
    Detector {
        name: "phone",
        finds: "telephone numbers in international form, with a leading +",
        mask: "[phone]",
        needs: &[kind::DIGIT | kind::PLUS],
        shortest: 8,
        expression: LazyLock::new(|| compile(r"\+[1-9](?:[ ().-]{0,2}[0-9])+")),
        check: check::phone,
        named: None,
    },
    Detector {
        name: "private-key",
        finds: "private keys in PEM, PGP, PuTTY and age form, whole blocks; without an end, all that follows",
        mask: "[private-key]",
        needs: &[kind::DASH | kind::UPPER],
        shortest: 21,
        expression: LazyLock::new(|| {
            compile(
                r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|.*)|PuTTY-User-Key-File-[0-9].*|AGE-SECRET-KEY-1[A-Z0-9]{20,}",
            )
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "jwt",
        finds: "JSON web tokens, signed (three parts) and encrypted (five)",
        mask: "[jwt]",
        needs: &[kind::DOT | kind::UPPER],
        shortest: 16,
        expression: LazyLock::new(|| compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}")),
        check: check::any,
        named: None,
    },
    Detector {
        name: "aws-key",
        finds: "AWS access key ids, and secret access keys and session tokens beside their name",
        mask: "[aws-key]",
        needs: &[kind::UPPER, kind::ASSIGN],
        shortest: 20,
        expression: LazyLock::new(|| {
            compile(&format!(
                r#"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16,}}|(?i:{AWS_NAMES}){ASSIGNED}\\*["']?([A-Za-z0-9/+]{{40,}}={{0,2}})"#
            ))
        }),
        check: check::any,
        named: Some(Named {
            name: LazyLock::new(|| compile(&format!("(?i){AWS_NAMES}"))),
            value: check::is_aws_secret,
        }),
    },
    Detector {
        name: "github-token",
        finds: "GitHub tokens: ghp_, gho_, ghu_, ghs_, ghr_, github_pat_",
        mask: "[github-token]",
        needs: &[kind::UNDERSCORE],
        shortest: 33,
        expression: LazyLock::new(|| {
            compile(r"gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}")
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "slack-token",
        finds: "Slack tokens (xoxb-, xoxp-, xapp- and others) and incoming webhooks",
        mask: "[slack-token]",
        needs: &[kind::DASH, kind::DOT],
        shortest: 15,
        expression: LazyLock::new(|| {
            compile(
                r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]+",
            )
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "stripe-key",
        finds: "Stripe's secret and restricted keys and webhook secrets",
        mask: "[stripe-key]",
        needs: &[kind::UNDERSCORE],
        shortest: 24,
        expression: LazyLock::new(|| {
            compile(r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}")
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "google-api-key",
        finds: "Google API keys (AIza), OAuth client secrets (GOCSPX-) and access tokens (ya29.)",
        mask: "[google-api-key]",
        needs: &[kind::UPPER, kind::DOT | kind::DIGIT],
        shortest: 25,
        expression: LazyLock::new(|| {
            compile(r"AIza[A-Za-z0-9_-]{35,}|GOCSPX-[A-Za-z0-9_-]{24,}|ya29\.[A-Za-z0-9_-]{20,}")
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "vendor-token",
        finds: "tokens known by their prefix: Anthropic, OpenAI, GitLab, npm, PyPI, Hugging Face, SendGrid, DigitalOcean, Shopify, HashiCorp Vault",
        mask: "[vendor-token]",
        needs: &[kind::DASH, kind::UNDERSCORE, kind::DOT],
        shortest: 20,
        expression: LazyLock::new(|| {
            compile(
                r"sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{16,}|sk-[A-Za-z0-9]{40,}|glpat-[A-Za-z0-9_.-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|do[por]_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32,}|hv[sbr]\.[A-Za-z0-9_-]{20,}",
            )
        }),
        check: check::any,
        named: None,
    },
    Detector {
        name: "token",
        finds: "what follows `Bearer`, and random-looking values beside a name such as api_key, client_secret or token",
        mask: "[token]",
        needs: &[kind::SPACE, kind::ASSIGN],
        shortest: 16,
        expression: LazyLock::new(|| {
            compile(&format!(
                r#"(?i)\bbearer\s+([a-z0-9_.~+/-]{{16,}}=*)|(?:{TOKEN_NAMES}){ASSIGNED}\\*["']?([a-z0-9_.~+/-]{{16,}}=*)"#
            ))
        }),
        check: check::random_looking,
        named: Some(Named {
            name: LazyLock::new(|| compile(&format!("(?i)(?:{TOKEN_NAMES})$"))),
            value: check::is_random_looking,
        }),
    },
    Detector {
        name: "password",
        finds: "values beside a name such as password or passphrase, and passwords in URLs",
        mask: "[password]",
        needs: &[kind::ASSIGN],
        shortest: 6,
        expression: LazyLock::new(|| {
            compile(&format!(
                r#"(?i)(?:{PASSWORD_NAMES}){ASSIGNED}(?:"((?:[^"\\]|\\.)+)"|'((?:[^'\\]|\\.)+)'|\\*["']?([^\s"'&,;]{{4,}}))|://[^\s/:@"']*:([^\s/"']+)@"#
            ))
        }),
        check: check::no_mask,
        named: Some(Named {
            name: LazyLock::new(|| compile(&format!("(?i)(?:{PASSWORD_NAMES})$"))),
            value: check::is_no_mask,
        }),
    },
];
