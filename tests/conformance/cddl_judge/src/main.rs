//! Judges CBOR items by a grammar: `cddl-judge GRAMMAR`, then on standard input a line `RULE HEX` for each item, and on
//! standard output a line `yes` or `no: REASON` for each. Knows no vector.

use std::error::Error;
use std::io::{self, BufRead};

use cddl_cat::validate_cbor_bytes;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: cddl-judge GRAMMAR < LINES")?;
    let grammar = std::fs::read_to_string(path)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (rule, hex) = line.split_once(' ').ok_or("a line is RULE HEX")?;
        match validate_cbor_bytes(rule, &grammar, &bytes(hex)?) {
            Ok(()) => println!("yes"),
            Err(reason) => println!("no: {}", reason.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

fn bytes(hex: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}
