//! The RESP parser, fed at every split point.
use super::*;

const LIMITS: Limits = Limits { max_bulk: 512 << 20, max_frame: 1 << 30, unauthenticated: false };

/// Parses all of `input`, handed over in the given pieces as the loop would: unconsumed bytes are offered again.
fn requests(
    input: &[u8],
    cuts: &[usize],
    limits: &Limits,
) -> (Vec<Vec<Vec<u8>>>, Result<usize, ProtocolError>) {
    let (mut done, mut found) = (0, Vec::new());
    let (mut progress, mut spans) = (Progress::default(), Vec::new());
    for &upto in cuts.iter().chain([&input.len()]) {
        loop {
            let window = &input[done..upto];
            if window.is_empty() {
                break;
            }
            match parse(window, &mut progress, limits, &mut spans) {
                Ok(Parsed::NeedMore) => break,
                Ok(Parsed::Nothing(end)) => done += end,
                Ok(Parsed::Request(end)) => {
                    let args = spans.iter().map(|s| window[s.start as usize..s.end as usize].to_vec());
                    found.push(args.collect());
                    done += end;
                }
                Err(error) => return (found, Err(error)),
            }
            progress = Progress::default();
            spans.clear();
        }
    }
    (found, Ok(input.len() - done))
}

fn words(request: &str) -> Vec<Vec<u8>> {
    request.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn every_split_of_two_requests_gives_the_same_two_requests() {
    let input =
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n*0\r\n*-1\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
    let expected = vec![
        vec![b"SET".to_vec(), b"k".to_vec(), b"hello\r\nworld".to_vec()],
        vec![b"GET".to_vec(), Vec::new()],
    ];
    for first in 0..input.len() {
        for second in first..input.len() {
            let got = requests(input, &[first, second], &LIMITS);
            assert_eq!(got, (expected.clone(), Ok(0)), "split at {first} and {second}");
        }
    }
    let drip: Vec<usize> = (1..input.len()).collect();
    assert_eq!(requests(input, &drip, &LIMITS), (expected, Ok(0)));
}

#[test]
fn bare_line_feeds_end_lines_too() {
    let input = b"*2\n$4\nECHO\n$2\nhi\n*1\r\n$4\nPING\r\n";
    for split in 0..input.len() {
        let got = requests(input, &[split], &LIMITS);
        assert_eq!(got, (vec![words("ECHO hi"), words("PING")], Ok(0)), "split at {split}");
    }
}

/// Where `\r\n` ended the length's line, two bytes are skipped behind the argument, whatever they are.
#[test]
fn a_value_that_ends_in_the_wrong_place_is_taken_as_redis_takes_it() {
    let input = b"*2\r\n$4\r\nECHO\r\n$4\r\nabc\r\nX*1\r\n$4\r\nPING\n\n*1\n$4\nPING\r\n";
    let expected = vec![vec![b"ECHO".to_vec(), b"abc\r".to_vec()], words("PING"), words("PING")];
    for split in 0..input.len() {
        assert_eq!(requests(input, &[split], &LIMITS), (expected.clone(), Ok(0)), "split at {split}");
    }
    // The last byte but one is part of the value: another has to come.
    let short = b"*2\r\n$4\r\nECHO\r\n$4\r\nabc\r\n";
    assert_eq!(requests(short, &[], &LIMITS), (vec![], Ok(short.len())));
}

#[test]
fn a_nul_hides_the_end_of_its_line() {
    for input in [&b"*1\0\r\n$4\r\nPING\r\n"[..], b"*\x001\r\n$4\r\nPING\r\n", b"*1\r\n$4\0\r\nPING\r\n"] {
        assert_eq!(requests(input, &[], &LIMITS), (vec![], Ok(input.len())), "{}", input.escape_ascii());
        let long = [input, &[b'x'; MAX_LINE]].concat();
        assert!(requests(&long, &[], &LIMITS).1.is_err());
    }
}

#[test]
fn wrong_streams_are_refused_at_every_split_with_redis_own_words() {
    use ProtocolError::*;
    let cases: &[(&[u8], ProtocolError)] = &[
        (b"*x\r\n", MultibulkLength),
        (b"*\r\n", MultibulkLength),
        (b"*+1\r\n", MultibulkLength),
        (b"*01\r\n", MultibulkLength),
        (b"*2147483648\r\n", MultibulkLength),
        (b"*99999999999999999999\r\n", MultibulkLength),
        (b"*1\r\n*1\r\n", ExpectedDollar(b'*')),
        (b"*1\r\nPING\r\n", ExpectedDollar(b'P')),
        (b"*1\r\n$-1\r\n", BulkLength),
        (b"*1\r\n$x\r\n", BulkLength),
        (b"*1\r\n$536870913\r\n", BulkLength),
        (b"*1\r\n$99999999999999999999\r\n", BulkLength),
    ];
    for (input, expected) in cases {
        for split in 0..input.len() {
            let got = requests(input, &[split], &LIMITS);
            assert_eq!(got, (vec![], Err(*expected)), "{:?}", String::from_utf8_lossy(input));
        }
    }
}

#[test]
fn lines_without_an_end_are_refused_at_64_kib() {
    for (head, error) in [("*", ProtocolError::MultibulkLine), ("*1\r\n$", ProtocolError::BulkLine)] {
        let mut input = head.as_bytes().to_vec();
        let line = input.len() - 1;
        input.resize(line + MAX_LINE, b'1');
        assert_eq!(requests(&input, &[], &LIMITS).1, Ok(input.len()));
        input.push(b'1');
        assert_eq!(requests(&input, &[], &LIMITS).1, Err(error));
    }
}

#[test]
fn an_unauthenticated_client_gets_ten_arguments_of_sixteen_kib() {
    let limits = Limits { unauthenticated: true, ..LIMITS };
    assert_eq!(requests(b"*10\r\n", &[], &limits).1, Ok(5));
    assert_eq!(requests(b"*11\r\n", &[], &limits).1, Err(ProtocolError::UnauthenticatedMultibulk));
    assert_eq!(requests(b"*1\r\n$16384\r\n", &[], &limits).1, Ok(12));
    assert_eq!(requests(b"*1\r\n$16385\r\n", &[], &limits).1, Err(ProtocolError::UnauthenticatedBulk));
}

#[test]
fn a_header_alone_allocates_nothing() {
    let (mut progress, mut spans) = (Progress::default(), Vec::new());
    let parsed = parse(b"*2147483647\r\n$536870912\r\nabc", &mut progress, &LIMITS, &mut spans);
    assert_eq!((parsed, spans.capacity()), (Ok(Parsed::NeedMore), 0));
}

/// Whatever a head understands, it understands as the parser does, and it does understand what begins alike.
#[test]
fn a_head_agrees_with_the_parser() {
    let first = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
    let mut spans = Vec::new();
    assert_eq!(parse_plain(first, 0, &LIMITS, &mut spans), Some(first.len()));
    let head = RequestPrefix::of(first, 0, &spans);
    let others: &[&[u8]] = &[
        first,
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*2\r\n$3\r\nGET\r\n$12\r\ntwelve bytes\r\n*1\r\n",
        b"*2\r\n$3\r\nget\r\n$3\r\nkey\r\n",
        b"*3\r\n$3\r\nGET\r\n$3\r\nkey\r\n$1\r\nx\r\n",
        b"*2\r\n$3\r\nGET\r\n$-1\r\nk\r\nmore",
        b"*2\r\n$3\r\nGET\r\n:3\r\nkey\r\nmore",
        b"*2\r\n$4\r\nGETX\r\n$3\r\nkey\r\n",
    ];
    for other in others {
        let input = [b"xx", *other].concat();
        for split in 2..=input.len() {
            let (mut plain, mut quick) = (Vec::new(), Vec::new());
            let expected = parse_plain(&input[..split], 2, &LIMITS, &mut plain);
            match head.parse(&input[..split], 2, &LIMITS, &mut quick) {
                Some(end) => assert_eq!((Some(end), quick), (expected, plain)),
                None => assert!(expected.is_none() || other[..13] != first[..13], "{other:?} up to {split}"),
            }
        }
    }
    assert!(RequestPrefix::NONE.parse(first, 0, &LIMITS, &mut spans).is_none());
}

/// Lengths of one to seven digits and beyond, short of their end by a byte and whole.
#[test]
fn plain_requests_have_lengths_of_up_to_seven_digits() {
    for len in [0, 9, 10, 99, 100, 1024, 12_345, 999_999, 1_000_000] {
        let input = [format!("*1\r\n${len}\r\n").as_bytes(), &vec![b'v'; len], b"\r\n"].concat();
        let mut spans = Vec::new();
        assert_eq!(parse_plain(&input, 0, &LIMITS, &mut spans), Some(input.len()), "{len}");
        assert_eq!((spans[0].end - spans[0].start) as usize, len);
        assert_eq!(parse_plain(&input[..input.len() - 1], 0, &LIMITS, &mut spans), None);
    }
}
