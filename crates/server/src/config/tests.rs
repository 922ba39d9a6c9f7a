//! Unsafe settings are refused with the fix.

use std::ffi::OsString;

use super::*;

const KEY: &str = "5ea1ed0000112233445566778899aabbccddeeff00112233445566778899aabb";

fn vars(changes: &[(&str, &str)]) -> HashMap<String, String> {
    let sound = [
        ("DATABASE_URL", "postgres://mako:pw@127.0.0.1/mako"),
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("ENCRYPTION_KEY", KEY),
    ];
    sound
        .iter()
        .chain(changes)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn refusal(toml: Option<&str>, changes: &[(&str, &str)]) -> String {
    Environment::from_parts(toml, &vars(changes))
        .and_then(|e| e.log().and_then(|_| e.serve()).map(drop))
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default()
}

#[test]
fn a_sound_environment_is_accepted() {
    assert_eq!(refusal(None, &[]), "");
    assert_eq!(
        refusal(
            Some("pool_size = 4\nlog_format = \"json\""),
            &[("STATEMENT_TIMEOUT", "2s")]
        ),
        ""
    );
}

#[test]
fn a_rate_is_requests_and_a_window() {
    let quota = |text| checks::rate_limit(text).unwrap();
    assert_eq!(quota("off"), None);
    assert!(quota("50/s").is_some());
    assert_eq!(quota("50/s"), quota("50/1s"));
    assert_eq!(quota("3000/minute"), quota("3000 / 60s"));
    assert_ne!(quota("50/s"), quota("3000/1m"), "how many may come at once");
}

#[test]
fn a_secret_of_digits_stays_a_text() {
    assert_eq!(
        refusal(None, &[("JWT_SECRET", "01234567890123456789012345678901")]),
        ""
    );
}

#[test]
fn unsafe_settings_are_refused_with_the_fix() {
    for (name, value, fix) in [
        (
            "DATABASE_URL",
            "postgres://mako:pw@db.example.com/mako",
            "sslmode=verify-full",
        ),
        ("JWT_SECRET", "short", "at least 32 bytes"),
        ("JWKS_URL", "http://example.com/keys", "https"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "http://127.0.0.1:4318",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://me:pw@collector.example.com",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (
            "ENCRYPTION_KEY",
            "",
            "ENCRYPTION_KEY environment variable is required",
        ),
        ("ENCRYPTION_KEY", "xyz", "openssl rand -hex 32"),
        (
            "ENCRYPTION_KEY",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "openssl rand -hex 32",
        ),
        (
            "ENCRYPTION_KEY",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "openssl rand -hex 32",
        ),
        (
            "JWT_SECRET",
            "5EA1ED0000112233445566778899AABBCCDDEEFF00112233445566778899AABB",
            "must not be JWT_SECRET",
        ),
        ("ENCRYPTION_KEYS_RETIRED", KEY, "ENCRYPTION_KEYS_RETIRED"),
        ("ENCRYPTION_KEYS_RETIRED", "short", "ENCRYPTION_KEYS_RETIRED"),
        ("RELAY_BASE_URL_VAPI", "http://example.com", "https"),
        ("RELAY_BASE_URL_TWILIO", "https://u:p@example.com", "neither user"),
        ("STATEMENT_TIMEOUT", "1m", "shorter than REQUEST_TIMEOUT"),
        ("PREPARED_STATEMENTS", "maybe", "on, off or always"),
        ("CORS_ALLOWED_ORIGINS", "*", "origins such as"),
        ("POOL_SIZE", "many", "POOL_SIZE"),
        ("POOL_SIZE", "0", "POOL_SIZE must be 1 to 1000"),
        ("POOL_SIZE", "100000000000", "POOL_SIZE must be 1 to 1000"),
        ("RATE_LIMIT", "many", "such as 3000/1m"),
        ("RATE_LIMIT", "0/1m", "such as 3000/1m"),
        ("RATE_LIMIT", "100/500ms", "whole seconds"),
        ("LISTEN", "nowhere", "127.0.0.1:8080"),
        ("PUBLIC_BASE_URL", "ftp://x", "https://api.example.com"),
    ] {
        assert!(
            refusal(None, &[(name, value)]).contains(fix),
            "{name}: {}",
            refusal(None, &[(name, value)])
        );
    }
}

#[test]
fn the_page_shows_the_settings_as_they_are_declared() {
    const PAGE: &str = "docs/configuration.md";
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&file).unwrap();
    let (introduction, _) = page.split_once("## ").unwrap();
    let right = format!("{introduction}{}", help::tables());
    if page != right {
        std::fs::write(&file, right).unwrap();
        panic!("{PAGE} was another than the settings; it is rewritten: look at it, and commit it");
    }
}

#[test]
fn help_is_plain_text_with_each_setting_and_its_default() {
    let help = help();
    for line in [
        "  ENCRYPTION_KEY                 64 hex characters that seal keys of tenants: mako keys generate",
        "  AUTH_COOKIE                    name of a cookie that may carry the token",
        "  BODY_LIMIT                     bytes of a request's body [8388608]",
        "  RELAY_BASE_URL_<SERVICE>       replaces a provider's address, for tests and proxies",
    ] {
        assert!(help.lines().any(|there| there == line), "{line}: {help}");
    }
    assert!(!help.contains('`'), "{help}");
}

#[test]
fn every_default_is_accepted() {
    let defaults = RawSettings::read(None, &HashMap::new()).map_err(|error| error.to_string());
    let defaults = defaults.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(defaults.pool_size, 16);
    assert_eq!(defaults.jwt_size_limit, identity::SIZE_LIMIT);
}

#[test]
fn services_of_settings_are_those_that_there_are() {
    let bases = |environment: &Environment| environment.relay_bases().map(|bases| bases.len());
    let toml = "relay_base_url_vapi = \"https://one.example.com\"\nrelay_base_url_make = \"https://two.example.com\"";
    let all = vars(&[
        ("RELAY_BASE_URL_VAPI", "https://three.example.com"),
        ("RELAY_BASE_URL_ZOHO", ""),
    ]);
    let environment = Environment::from_parts(Some(toml), &all).unwrap();
    assert_eq!(bases(&environment).unwrap(), 2);
    let vapi = Service::named("vapi").unwrap();
    let chosen = environment.relay_bases().unwrap().remove(&vapi).unwrap();
    assert_eq!(
        chosen.as_str(),
        "https://three.example.com/",
        "the environment wins"
    );
    let by_file = refusal(None, &[("RELAY_BASE_URL_ZOHO_FILE", "/nowhere")]);
    assert!(by_file.contains("RELAY_BASE_URL_ZOHO_FILE names"), "{by_file}");
    assert!(
        refusal(None, &[("RELAY_BASE_URL_NOWHERE", "https://a.example.com")])
            .contains("RELAY_BASE_URL_NOWHERE")
    );
    assert!(refusal(None, &[("PROVIDERS_FILE", "/nowhere")]).contains("PROVIDERS_FILE can't be read"));
}

#[test]
fn unknown_keys_of_the_file_are_refused_by_name_and_nothing_is_quoted() {
    assert!(refusal(Some("databse_url = \"postgres://x:s3cret@h/x\""), &[]).contains("databse_url"));
    for toml in [
        "databse_url = \"s3cret\"",
        "jwt_secret = \"s3cret",
        "pool_size = \"s3cret\"",
        "log_format = \"s3cret\"",
    ] {
        let text = refusal(Some(toml), &[]);
        assert!(!text.is_empty() && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_variable_that_is_not_utf_8_matters_only_if_it_is_ours() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = || OsString::from_vec(vec![b'x', 0xff]);
    let all = [
        (odd(), odd()),
        ("OTHER".into(), odd()),
        ("POOL_SIZE".into(), "4".into()),
    ];
    let known = variables(all.into_iter()).unwrap_or_default();
    assert_eq!(known, HashMap::from([("POOL_SIZE".to_owned(), "4".to_owned())]));
    let refused = variables([("JWT_SECRET_FILE".into(), odd())].into_iter());
    assert_eq!(
        refused.err().map(|error| error.to_string()).as_deref(),
        Some("JWT_SECRET_FILE is not UTF-8")
    );
}

#[test]
fn a_value_may_come_from_a_file_but_not_from_two_places() {
    let file = std::env::temp_dir().join(format!("mako-config-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(
        refusal(None, &[("JWT_SECRET", ""), ("JWT_SECRET_FILE", path)]),
        ""
    );
    assert!(refusal(None, &[("JWT_SECRET_FILE", path)]).contains("unset one"));
    let toml = format!("jwt_secret_file = \"{path}\"");
    assert_eq!(refusal(Some(&toml), &[("JWT_SECRET", "")]), "");
    let both = format!("{toml}\njwt_secret = \"s3cret\"");
    let text = refusal(Some(&both), &[]);
    assert!(text.contains("remove one") && !text.contains("s3cret"), "{text}");
    let missing = refusal(Some("jwt_secret_file = \"/nowhere\""), &[]);
    assert!(missing.contains("jwt_secret_file"), "{missing}");
    std::fs::write(&file, "\n").unwrap();
    assert_eq!(refusal(None, &[("VAPI_SECRET_FILE", path)]), "");
    std::fs::remove_file(file).unwrap();
}
