//! `multipart/related` (RFC 2387), as DICOMweb uses it.

/// The parts of a body, without their headers; `None` if it is not what its content type says.
pub(super) fn parts<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mark = [b"--", boundary(content_type)?.as_bytes()].concat();
    let mut rest = after(body, &mark)?;
    let mut found = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(found);
        }
        let start = after(rest, b"\r\n\r\n")?;
        // The line break before the mark belongs to the mark.
        let end = position(start, &[b"\r\n", mark.as_slice()].concat())?;
        found.push(start.get(..end)?);
        rest = start.get(end + 2 + mark.len()..)?;
    }
}

/// The boundary that a content type names, if it is `multipart/related`.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let (_, value) = parameters
        .split(';')
        .filter_map(|p| p.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    // RFC 2046: 1 to 70 characters.
    (1..=70).contains(&value.len()).then(|| value.to_owned())
}

/// A body of such parts, and its content type.
pub(super) fn related(kind: &str, parts: &[&[u8]], boundary: &str) -> (String, Vec<u8>) {
    let mut body = Vec::with_capacity(parts.iter().map(|p| p.len() + 128).sum::<usize>() + 128);
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Type: {kind}\r\n\r\n").as_bytes());
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/related; type=\"{kind}\"; boundary={boundary}"), body)
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    bytes.get(position(bytes, mark)? + mark.len()..)
}

/// Looks for the mark's first byte by machine words; bodies are megabytes.
fn position(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_end_is_refused() {
        let kind = "multipart/related; type=\"application/dicom\"; boundary=\"ab\"";
        assert_eq!(parts(kind, b"--ab\r\nContent-Type: x\r\n\r\nDATA\r\n--ab--"), Some(vec![&b"DATA"[..]]));
        for wrong in
            [&b"--ab\r\n\r\nDATA\r\n"[..], b"", b"--ab", b"--ab\r\nDATA\r\n--ab--", b"--cd\r\n\r\nDATA\r\n--cd--"]
        {
            assert_eq!(parts(kind, wrong), None, "{wrong:?}");
        }
        assert_eq!(parts("application/dicom", b"--ab\r\n\r\nDATA\r\n--ab--"), None);
        assert_eq!(parts("multipart/related; boundary=", b"----"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)) {
            let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
            let (kind, body) = related("application/dicom", &slices, "isochrone-0123456789abcdef");
            prop_assert_eq!(parts(&kind, &body), if slices.is_empty() { Some(Vec::new()) } else { Some(slices) });
        }

        #[test]
        fn nothing_makes_it_panic(kind in ".{0,80}", body in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parts(&kind, &body);
            let _ = parts("multipart/related; boundary=-", &body);
        }
    }
}
