//! The name that talhelper gives the file of a node: `filenameTmpl`, or `CLUSTER-HOST.yaml`.
//!
//! Pure. The template has Go's own functions and none of sprig's, unlike all others of talconfig.yaml.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/config/outputfilename.go>.

use super::RenderError;
use super::template::{self, Data, Datum};
use crate::config::talconfig::{Loaded, Node};

/// What names a file that has no template.
const USUAL: &str = "{{ .ClusterName }}-{{ .Hostname }}.yaml";

/// The path of the node's file below the folder that talhelper writes to.
///
/// # Errors
/// [`RenderError::Template`] for what Go refuses and what is not rendered here, [`RenderError::FileName`] for a path that
/// leads out of the folder or to no file.
pub fn file_name(loaded: &Loaded, node: &Node) -> Result<String, RenderError> {
    let text = |text: &str| Datum::Text(text.to_owned());
    let role = match node.control_plane {
        true => "controlplane",
        false => "worker",
    };
    let fields = vec![
        ("ClusterName", text(&loaded.config.cluster_name)),
        ("Hostname", text(&node.hostname)),
        ("IPAddress", text(&node.ip_address)),
        ("Role", text(role)),
    ];
    let data = Data {
        root: Datum::Fields(fields),
        env: &loaded.env,
    };
    let template = match &*node.configs.filename_template {
        "" => USUAL,
        template => template,
    };
    let name = template::render_plain(template, &data).map_err(|source| RenderError::Template {
        place: "filenameTmpl".to_owned(),
        source,
    })?;
    is_below(&name)
        .then(|| name.to_string())
        .ok_or_else(|| RenderError::FileName(node.hostname.to_string()))
}

/// Whether a path stays in the folder and can be a file's.
fn is_below(name: &str) -> bool {
    let is_file = name
        .rsplit('/')
        .next()
        .is_some_and(|it| !matches!(it, "" | "."));
    is_file && !name.contains('\0') && name.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_the_folder_are_names() {
        for (name, is) in [
            ("a.yaml", true),
            ("worker/a.yaml", true),
            ("./a", true),
            ("", false),
            ("a/", false),
            ("../a", false),
            ("a/../b", false),
            ("a\0", false),
        ] {
            assert_eq!(is_below(name), is, "{name:?}");
        }
    }
}
