//! Texts in several languages.

include!(concat!(env!("OUT_DIR"), "/greetings.rs"));
