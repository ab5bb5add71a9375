/* SPDX-License-Identifier: MIT
 *
 * The order of checks matters. Magic and major version come first, so that something that
 * is no stream, or a newer one, is named as such. Then the two lengths are held to their
 * limits, since the CRC can only be computed once the attributes are read. With the CRC
 * right the rest can be told apart: what a correct writer can't have written is corrupt,
 * what a newer one may mean is unsupported.
 */
#include "stream/record_head.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"

static const unsigned char magic[8] = { 0x89, 'D', 'E', 'T', '\r', '\n', 0x1a, 0 };

enum {
	AT_MAJOR = 8,
	AT_MINOR = 10,
	AT_KIND = 12,
	AT_FLAGS = 16,
	AT_ATTRS = 20,
	AT_SIZE = 24,
	AT_CRC = 32,
	AT_DTYPE = 36,
	AT_RANK = 37,
	AT_ZERO1 = 38,
	AT_DIMS = 40,
	AT_ZERO2 = 104,
	AT_HEAD_CRC = 124,
};

static uint32_t
head_crc(const unsigned char *bytes, const unsigned char *attrs, size_t n)
{
	return det_crc32(det_crc32(0, bytes, AT_HEAD_CRC), attrs, n);
}

void
det_head_store(unsigned char *out, const struct det_record_head *h, const char *attrs)
{
	size_t n = det_pad(h->attr_len);
	unsigned char *text = out + DET_HEAD_SIZE;

	memset(out, 0, DET_HEAD_SIZE + n);
	if (h->attr_len)
		memcpy(text, attrs, h->attr_len);
	memcpy(out, magic, sizeof magic);
	det_put16(out + AT_MAJOR, h->major);
	det_put16(out + AT_MINOR, h->minor);
	det_put32(out + AT_KIND, h->kind);
	det_put32(out + AT_FLAGS, h->flags);
	det_put32(out + AT_ATTRS, h->attr_len);
	det_put64(out + AT_SIZE, h->size);
	det_put32(out + AT_CRC, h->crc);
	out[AT_DTYPE] = h->dtype;
	out[AT_RANK] = h->rank;
	for (int i = 0; i < DET_MAX_RANK; i++)
		det_put64(out + AT_DIMS + 8 * i, h->dims[i]);
	det_put32(out + AT_HEAD_CRC, head_crc(out, text, n));
}

/* Says what the bytes look like, since "not a stream" alone sends people searching. */
static enum det_err
not_a_stream(const unsigned char *b)
{
	if (b[0] == 0x89 && !memcmp(b + 1, "DET", 3))
		return det_fail(DET_CORRUPT,
		    "the record's magic is damaged, as by a transfer in text mode");
	if (!memcmp(b, "\xff\xd8\xff", 3) || !memcmp(b, "\x89PNG", 4))
		return det_fail(DET_CORRUPT, "a det stream expected, found a picture");
	for (int i = 0; i < 16; i++)
		if ((b[i] < 0x20 && b[i] != '\n' && b[i] != '\r' && b[i] != '\t') ||
		    b[i] > 0x7e)
			return det_fail(DET_CORRUPT,
			    "a det stream record expected, found other bytes");
	return det_fail(DET_CORRUPT, "a det stream expected, found text");
}

enum det_err
det_head_peek(struct det_record_head *h, const unsigned char *b)
{
	if (memcmp(b, magic, sizeof magic) != 0)
		return not_a_stream(b);
	*h = (struct det_record_head){
		.major = det_le16(b + AT_MAJOR),
		.minor = det_le16(b + AT_MINOR),
		.kind = det_le32(b + AT_KIND),
		.flags = det_le32(b + AT_FLAGS),
		.attr_len = det_le32(b + AT_ATTRS),
		.size = det_le64(b + AT_SIZE),
		.crc = det_le32(b + AT_CRC),
		.dtype = b[AT_DTYPE],
		.rank = b[AT_RANK],
	};
	for (int i = 0; i < DET_MAX_RANK; i++)
		h->dims[i] = det_le64(b + AT_DIMS + 8 * i);
	if (h->major != DET_STREAM_MAJOR)
		return det_fail(DET_UNSUPPORTED,
		    "stream version %u.%u: this program reads version %d", h->major,
		    h->minor, DET_STREAM_MAJOR);
	if (h->attr_len > DET_MAX_ATTRS)
		return det_fail(DET_LIMIT,
		    "%u bytes of attributes claimed: at most %zu allowed", h->attr_len,
		    DET_MAX_ATTRS);
	if (h->size > DET_MAX_PAYLOAD)
		return det_fail(DET_LIMIT,
		    "a payload of %llu bytes claimed: at most %llu allowed",
		    (unsigned long long)h->size, (unsigned long long)DET_MAX_PAYLOAD);
	return DET_OK;
}

static int
key_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-' || c == '.';
}

static int
name_char(unsigned char c)
{
	return key_char(c) || (c >= 'A' && c <= 'Z') || c == '/' || c == ':' ||
	       c == '+';
}

static enum det_err
check_value(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\r' || s[i] == 0 ||
		    (s[i] == '\\' &&
			(++i == n || (s[i] != '\\' && s[i] != 'n' && s[i] != 'r'))))
			return det_fail(DET_CORRUPT,
			    "an attribute's value is not escaped as it must be");
	return DET_OK;
}

/* Every line is key=value with an LF; reports the length of the attribute "name". */
static enum det_err
check_attrs(size_t *name_len, const char *text, size_t len)
{
	size_t at = 0, n, k;
	const char *end;
	enum det_err e;

	*name_len = 0;
	for (; at < len; at += n + 1) {
		const char *s = text + at;

		end = memchr(s, '\n', len - at);
		if (!end)
			return det_fail(
			    DET_CORRUPT, "the attributes' last line has no end");
		n = (size_t)(end - s);
		for (k = 0; k < n && key_char((unsigned char)s[k]); k++)
			;
		if (k == 0 || k == n || s[k] != '=')
			return det_fail(
			    DET_CORRUPT, "an attribute is not of the form key=value");
		if ((e = check_value(s + k + 1, n - k - 1)))
			return e;
		if (k != 4 || memcmp(s, "name", 4) != 0)
			continue;
		if (*name_len)
			return det_fail(DET_CORRUPT, "two names in one record");
		*name_len = n - 5;
		if (*name_len == 0 || *name_len > 255)
			return det_fail(DET_CORRUPT,
			    "a name of %zu bytes: 1 to 255 expected", *name_len);
		for (size_t i = 5; i < n; i++)
			if (!name_char((unsigned char)s[i]))
				return det_fail(DET_CORRUPT,
				    "a name holds byte %#x: letters, digits and /._-:+ "
				    "expected",
				    (unsigned)(unsigned char)s[i]);
	}
	return DET_OK;
}

static enum det_err
check_rank(const struct det_record_head *h)
{
	if (h->rank > DET_MAX_RANK)
		return det_fail(
		    DET_CORRUPT, "%u dims: at most %d allowed", h->rank, DET_MAX_RANK);
	for (int i = h->rank; i < DET_MAX_RANK; i++)
		if (h->dims[i])
			return det_fail(
			    DET_CORRUPT, "a dim beyond the rank is not zero");
	return DET_OK;
}

static enum det_err
check_shape(const struct det_record_head *h)
{
	size_t element = det_dtype_size((enum det_dtype)h->dtype);
	uint64_t bytes, all;

	if (h->kind != DET_TENSOR)
		return h->dtype || h->rank
			   ? det_fail(DET_CORRUPT, "a %s record with a dtype or shape",
				 det_kind_name(h->kind))
			   : DET_OK;
	if (!element)
		return det_fail(
		    DET_UNSUPPORTED, "a tensor of unknown dtype %u", h->dtype);
	/* `all` takes dims of 0 as 1, so that no product of some of the dims overflows */
	bytes = all = element;
	for (int i = 0; i < h->rank; i++) {
		uint64_t d = h->dims[i] ? h->dims[i] : 1;

		if (d > DET_MAX_PAYLOAD / all)
			return det_fail(DET_CORRUPT, "a tensor's shape overflows");
		all *= d;
		bytes *= h->dims[i];
	}
	if (bytes != h->size)
		return det_fail(DET_CORRUPT,
		    "a tensor's payload has %llu bytes where its shape takes %llu",
		    (unsigned long long)h->size, (unsigned long long)bytes);
	return DET_OK;
}

static int
known(uint32_t kind)
{
	return kind == DET_STREAM || kind == DET_ITEM || kind == DET_TENSOR ||
	       kind == DET_BOXES || kind == DET_TEXT || kind == DET_END ||
	       kind == DET_FAILED;
}

static enum det_err
check_kind(const struct det_record_head *h, size_t name_len)
{
	enum det_err e;

	for (int i = 0; i < 4; i++) {
		unsigned c = h->kind >> 8 * i & 0xff;

		if (c <= ' ' || c >= 0x7f)
			return det_fail(DET_CORRUPT,
			    "a record's kind is not four printable letters");
	}
	if ((e = check_rank(h)))
		return e;
	if (!known(h->kind))
		return h->kind & 0x20 ? DET_OK
				      : det_fail(DET_UNSUPPORTED,
					    "a record of unknown kind '%s', which may "
					    "not be ignored",
					    det_kind_name(h->kind));
	if ((e = check_shape(h)))
		return e;
	if (h->kind == DET_TENSOR || h->kind == DET_BOXES || h->kind == DET_TEXT) {
		if (!name_len)
			return det_fail(DET_CORRUPT, "a %s record without a name",
			    det_kind_name(h->kind));
	}
	if (h->kind == DET_BOXES && h->size % 64 != 0)
		return det_fail(DET_CORRUPT,
		    "a box list of %llu bytes: a multiple of 64 expected",
		    (unsigned long long)h->size);
	if ((h->kind == DET_ITEM || h->kind == DET_END || h->kind == DET_FAILED) &&
	    h->size != 0)
		return det_fail(
		    DET_CORRUPT, "a %s record with a payload", det_kind_name(h->kind));
	return DET_OK;
}

enum det_err
det_head_valid(const struct det_record_head *h, const char *attrs)
{
	size_t name_len;
	enum det_err e;

	if (h->flags & ~DET_HAS_CRC)
		return det_fail(
		    DET_UNSUPPORTED, "a reserved flag is set (%#x)", h->flags);
	if (!(h->flags & DET_HAS_CRC) && h->crc)
		return det_fail(DET_CORRUPT, "a payload check without its flag");
	if ((h->flags & DET_HAS_CRC) && !h->size)
		return det_fail(DET_CORRUPT, "a payload check without a payload");
	if ((e = check_attrs(&name_len, attrs, h->attr_len)))
		return e;
	return check_kind(h, name_len);
}

enum det_err
det_head_check(
    const struct det_record_head *h, const unsigned char *b, const unsigned char *attrs)
{
	size_t padded = det_pad(h->attr_len);

	if (head_crc(b, attrs, padded) != det_le32(b + AT_HEAD_CRC))
		return det_fail(
		    DET_CORRUPT, "the check over the record's head does not match");
	for (size_t i = h->attr_len; i < padded; i++)
		if (attrs[i])
			return det_fail(
			    DET_CORRUPT, "padding after the attributes is not zero");
	if (b[AT_ZERO1] || b[AT_ZERO1 + 1])
		return det_fail(DET_UNSUPPORTED, "a reserved byte of the head is set");
	for (int i = AT_ZERO2; i < AT_HEAD_CRC; i++)
		if (b[i])
			return det_fail(
			    DET_UNSUPPORTED, "a reserved byte of the head is set");
	return det_head_valid(h, (const char *)attrs);
}
