//! Whether a text is a talconfig.yaml.

use crate::config::yaml;

/// Whether `text` has what every talconfig.yaml has, and no machine configuration: `clusterName` and `nodes`.
pub fn is_talconfig(text: &str) -> bool {
    let stream = yaml::read(text, 0);
    let Some(first) = stream.documents.first() else {
        return false;
    };
    let has = |key| first.get(key).is_some();
    has("clusterName") && has("nodes") && !has("kind") && !has("machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_of_a_cluster_is_one() {
        for (text, wanted) in [
            ("clusterName: a\nnodes: []\n", true),
            (
                "# x\n---\nnodes:\n  - hostname: ${A}\nclusterName: $B\n",
                true,
            ),
            ("machine: {}\ncluster: {clusterName: a}\n", false),
            ("kind: X\nclusterName: a\nnodes: []\n", false),
            ("clusterName: a\n", false),
            ("", false),
            ("- a", false),
            ("a: [", false),
        ] {
            assert_eq!(is_talconfig(text), wanted, "{text}");
        }
    }
}
