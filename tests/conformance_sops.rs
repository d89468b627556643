//! What SOPS encrypts for a key of age comes out here as SOPS itself decrypts it, and a changed file never does.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests"
)]

#[path = "talconfig/judge.rs"]
mod judge;

use keelblock::config::sops::{SopsError, decrypt, identities, is_encrypted};
use serde_json::{Value, json};

use self::judge::{Answer, judge};

const SECRETS: &str = "\
# The secrets of a cluster.
cluster:
    id: 0raF93qnkMvF-FZNuvyGozXNdLiT2FOWSlyBaW4PR-w=
    secret: pofHbABZq7VXuObsdLdy/bHmz6hlMHZ3p8+6WKrv1ic=
secrets:
    bootstraptoken: abcdef.0123456789abcdef # rotated
    secretboxencryptionsecret: \"\"
list:
    # a comment in a list is encrypted, too
    - one
    - 2
    - [deep, {deeper: \"true\"}]
numbers: {a: 1, b: -7, c: 1.5, d: 1000000.5, e: 1e+21, f: true, g: false, h: null, i: \"1.10\", j: \"yes\"}
text: |
    two
    lines # with what is no comment
key_unencrypted: [seen, 3, true, 0.25]
public: plain
";

fn seal(text: &str, how: Value) -> Answer {
    let answer = judge().ask(&json!({"op": "seal", "text": text, "sops": how}));
    assert_eq!(answer.error, "", "{text}");
    answer
}

fn values(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n");
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    documents.map(read).collect()
}

#[test]
fn what_sops_encrypts_is_decrypted_as_sops_does() {
    for (how, text) in [
        (json!({}), SECRETS),
        (json!({"others": 2}), SECRETS),
        (json!({"encrypted_suffix": "s"}), SECRETS),
        (
            json!({"encrypted_regex": "^(secret|bootstrap.*|list)$"}),
            SECRETS,
        ),
        (json!({"unencrypted_regex": "^(numbers|public)$"}), SECRETS),
        (
            json!({"encrypted_regex": "^secret", "mac_only_encrypted": true}),
            SECRETS,
        ),
        (json!({}), "a: 1\n---\nb: two\n"),
        (
            json!({}),
            "TALOS: v1.10.5\nTOKEN: a b # c\nPATH_: $HOME\nX: 'a''b'\n",
        ),
    ] {
        let sealed = seal(text, how.clone());
        assert!(is_encrypted(&sealed.text), "{}", sealed.text);
        let keys = identities(&sealed.env["SOPS_AGE_KEY"]).unwrap();
        let ours = decrypt(&sealed.text, &keys)
            .unwrap_or_else(|error| panic!("{how}: {error}\n{}", sealed.text));
        assert_eq!(
            values(&ours),
            values(&sealed.env["plain"]),
            "{how}\n{}",
            *ours
        );
    }
}

#[test]
fn variables_of_an_encrypted_file_are_the_ones_that_talhelper_reads() {
    let text = "TALOS: v1.10.5\nTOKEN: a b # c\nOTHER: \"it's\"\nHOME_: $HOME/x\nEMPTY: \"\"\nNUMBER: 12\nFLAG: true\n\
                QUOTED: \"a # b\"\nBOOL: \"true\"\nDOUBLE: 'say \"x\"'\nCOLON: 'a: b'\n";
    let sealed = seal(text, json!({}));
    let keys = identities(&sealed.env["SOPS_AGE_KEY"]).unwrap();
    let ours = decrypt(&sealed.text, &keys).unwrap();
    let read = |text: &str| {
        let mut env = keelblock::config::talconfig::Variables::new();
        let is_read = keelblock::config::talconfig::read_env(text, &mut env).unwrap();
        (is_read, env)
    };
    assert_eq!(
        read(&ours),
        read(&sealed.env["plain"]),
        "{}\n{}",
        *ours,
        sealed.env["plain"]
    );
}

/// A value moved, a value exchanged, a plain one changed, the date changed, the key of another.
#[test]
fn what_was_changed_is_refused() {
    let how = json!({});
    let text = "a: first\nb: second\nc_unencrypted: plain\nd: {e: x}\n";
    let sealed = seal(text, how.clone());
    let keys = identities(&sealed.env["SOPS_AGE_KEY"]).unwrap();
    let line = |key: &str| {
        let start = format!("{key}: ");
        let line = sealed
            .text
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap();
        line[start.len()..].to_owned()
    };
    let swapped = sealed
        .text
        .replace(&line("a"), "A")
        .replace(&line("b"), &line("a"))
        .replacen("a: A", &format!("a: {}", line("a")), 1);
    let refused = |text: &str| decrypt(text, &keys).unwrap_err();
    assert_eq!(refused(&swapped), SopsError::Changed(String::from("b")));
    let plain = sealed.text.replacen(&line("b"), "second", 1);
    assert_eq!(refused(&plain), SopsError::Plain(String::from("b")));
    let changed = sealed
        .text
        .replacen("c_unencrypted: plain", "c_unencrypted: other", 1);
    assert_eq!(refused(&changed), SopsError::Code);
    let added = sealed.text.replacen(
        "c_unencrypted: plain",
        "c_unencrypted: plain\nf_unencrypted: x",
        1,
    );
    assert_eq!(refused(&added), SopsError::Code);
    let year = sealed.text.find("lastmodified: \"20").unwrap() + 15;
    let mut dated = sealed.text.clone();
    dated.replace_range(year..year + 4, "1999");
    assert_eq!(refused(&dated), SopsError::Code);
    let other = seal(text, how);
    let others = identities(&other.env["SOPS_AGE_KEY"]).unwrap();
    assert!(matches!(
        decrypt(&sealed.text, &others),
        Err(SopsError::OtherKeys { .. })
    ));
    assert!(matches!(
        decrypt(&sealed.text, &[]),
        Err(SopsError::NoKeys(_))
    ));
    assert!(decrypt(&sealed.text, &keys).is_ok());
}

/// The values below their keys. SOPS protects no more: which elements of a list are lists themselves is not in its code.
fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &format!("{path}{key}."), out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, out)),
        leaf => out.push(format!("{path}{leaf}")),
    }
}

/// Any byte of a file changed: what comes out is refused, or has the values that it had.
#[test]
fn no_changed_byte_passes_unnoticed() {
    let sealed = seal("a: first\nb: [1, true]\n", json!({}));
    let keys = identities(&sealed.env["SOPS_AGE_KEY"]).unwrap();
    let all = |text: &str| {
        let mut out = Vec::new();
        values(text)
            .iter()
            .for_each(|value| leaves(value, "", &mut out));
        out
    };
    let whole = all(&decrypt(&sealed.text, &keys).unwrap());
    for (at, with) in
        (0..sealed.text.len()).zip([b'A', b' ', b':', b'\n', b'-', b'#'].into_iter().cycle())
    {
        let mut bytes = sealed.text.clone().into_bytes();
        bytes[at] = with;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(found) = decrypt(&text, &keys)
        {
            assert_eq!(all(&found), whole, "byte {at}");
        }
    }
}

const TALCONFIG: &str = "\
clusterName: home
endpoint: https://10.0.0.1:6443
talosVersion: v1.10.5
kubernetesVersion: v1.33.1
nodes:
  - hostname: mini01
    ipAddress: 10.0.0.2
    controlPlane: true
    installDisk: /dev/sda
";

fn render(folder: &std::path::Path, key: &str, more: &[&str]) -> std::process::Output {
    let built = || env!("CARGO_BIN_EXE_keelblock").into();
    let program = std::env::var_os("KEELBLOCK_BIN").unwrap_or_else(built);
    let mut command = std::process::Command::new(program);
    let command = command
        .args(["render", "--node", "mini01"])
        .args(more)
        .current_dir(folder);
    let command = command
        .env_clear()
        .env("SOPS_AGE_KEY", key)
        .env("CLUSTER_ID", "c29tZWJvZHk=");
    command.output().unwrap()
}

#[test]
fn a_node_is_rendered_with_secrets_that_are_encrypted_and_nothing_is_written_without_their_key() {
    let pair = "{crt: YQ==, key: Yg==}";
    let bundle = format!(
        "cluster: {{id: '${{CLUSTER_ID}}', secret: c2VjcmV0}}\nsecrets: {{bootstraptoken: abcdef.0123456789abcdef, \
         secretboxencryptionsecret: Ym94}}\ntrustdinfo: {{token: uvwxyz.0123456789abcdef}}\ncerts: {{etcd: {pair}, \
         k8s: {pair}, k8saggregator: {pair}, k8sserviceaccount: {{key: Yg==}}, os: {pair}}}\n"
    );
    let sealed = seal(&bundle, json!({}));
    let other = seal("a: b\n", json!({}));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("talconfig.yaml"), TALCONFIG).unwrap();
    std::fs::write(folder.path().join("talsecret.sops.yaml"), &sealed.text).unwrap();
    let shown = render(folder.path(), &sealed.env["SOPS_AGE_KEY"], &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(
        shown.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    for secret in [
        "c29tZWJvZHk=",
        "uvwxyz.0123456789abcdef",
        "abcdef.0123456789abcdef",
    ] {
        assert!(text.contains(secret), "{secret} is not in\n{text}");
    }
    assert!(!text.contains("ENC["), "{text}");
    for (key, word) in [
        (&*other.env["SOPS_AGE_KEY"], "age keys at hand"),
        ("AGE-SECRET-KEY-1X", "line 1"),
    ] {
        let refused = render(folder.path(), key, &["-o", "out.yaml"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains(word) && said.contains("--placeholders"),
            "{said}"
        );
        assert!(
            !said.contains(&sealed.env["SOPS_AGE_KEY"]),
            "a key is shown"
        );
        assert!(!folder.path().join("out.yaml").exists());
    }
    let stand_ins = render(folder.path(), "", &["--placeholders", "-o", "out.yaml"]);
    assert_eq!(stand_ins.status.code(), Some(0), "{stand_ins:?}");
    assert!(
        String::from_utf8(stand_ins.stderr)
            .unwrap()
            .contains("no node boots with this")
    );
}
