//! The one way to write down kinds of findings: name, word, weight, and two texts on each. Pure; none is ever renamed.

/// Makes the enum `Code` of a list of kinds, and the methods for its two texts.
macro_rules! codes {
    (
        $one:ident $one_doc:literal, $two:ident $two_doc:literal;
        $($name:ident $word:literal $level:ident $first:literal $second:literal)*
    ) => {
        /// Kinds of findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $first] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in every output, such as `never-matches`.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// How much it weighs, unless the finding says less.
            pub const fn level(self) -> $crate::fleet::finding::Level {
                match self { $(Self::$name => $crate::fleet::finding::Level::$level,)* }
            }

            #[doc = $one_doc]
            pub const fn $one(self) -> &'static str {
                match self { $(Self::$name => $first,)* }
            }

            #[doc = $two_doc]
            pub const fn $two(self) -> &'static str {
                match self { $(Self::$name => $second,)* }
            }
        }
    };
}

pub(crate) use codes;
