#include "json/skip.h"

#include "json/scan.h"

#include <endian.h>
#include <string.h>

#if defined(__x86_64__) && !defined(KSHIM__NO_SIMD)
#define WITH_SIMD 1
#include <immintrin.h>
#endif

#define BLOCK 64
#define EVEN_BITS 0x5555555555555555u

/* One bit a byte, the first byte's lowest. */
struct masks {
	uint64_t quotes;
	uint64_t backslashes;
	uint64_t opens;
	uint64_t closes;
};

/* '[' and '{' differ in 0x20 only, and so do ']' and '}'. */
#define OPEN '{'
#define CLOSE '}'
#define FOLD 0x20

void kshim__skip_begin(struct kshim__skip *skip)
{
	skip->in_string = 0;
	skip->escaped = 0;
	skip->depth = 1;
}

/* Which bytes are escaped: those behind an odd run of backslashes. Adding the
 * runs that begin at odd bits to all of them carries each run's parity to the
 * bit behind it (simdjson's way). */
static inline uint64_t find_escaped(uint64_t backslashes, uint64_t *carry)
{
	uint64_t behind, odd_starts, runs;

	backslashes &= ~*carry;
	behind = backslashes << 1 | *carry;
	odd_starts = backslashes & ~EVEN_BITS & ~behind;
	*carry = __builtin_add_overflow(odd_starts, backslashes, &runs);
	return (EVEN_BITS ^ runs << 1) & behind;
}

/* Goes through a block's brackets one by one. The offset behind the bracket
 * with which the value ends or gets too deep; 0 if neither happens. */
static size_t walk(uint64_t opens, uint64_t closes, uint32_t *depth)
{
	uint64_t brackets = opens | closes;

	for (; brackets; brackets &= brackets - 1) {
		if (opens & brackets & -brackets)
			++*depth;
		else
			--*depth;
		if (*depth == 0 || *depth > KSHIM__JSON_DEPTH)
			return (size_t)__builtin_ctzll(brackets) + 1;
	}
	return 0;
}

/* The loop, made once for each instruction set: the functions it is given are
 * constants there, and inlined. */
static inline __attribute__((always_inline)) size_t
run(struct kshim__skip *skip, const char *data, size_t len, struct masks (*classify)(const char *),
    uint64_t (*prefix_xor)(uint64_t), uint32_t (*count)(uint64_t))
{
	uint64_t in_string = skip->in_string, escape = skip->escaped;
	uint32_t depth = skip->depth;
	char last[BLOCK];
	size_t at, n, end;

	for (at = 0; at < len; at += n) {
		const char *block = data + at;
		uint64_t escaped = 0;
		struct masks m;
		uint32_t opens, closes;

		n = BLOCK;
		if (len - at < BLOCK) {
			n = len - at;
			memset(last, ' ', sizeof(last));
			memcpy(last, block, n);
			block = last;
		}
		m = classify(block);
		if (m.backslashes | escape) {
			escaped = find_escaped(m.backslashes, &escape);
			if (n < BLOCK)
				escape = escaped >> n & 1;
		}
		in_string ^= prefix_xor(m.quotes & ~escaped);
		m.opens &= ~in_string;
		m.closes &= ~in_string;
		in_string = (uint64_t)((int64_t)in_string >> 63);
		opens = count(m.opens);
		closes = count(m.closes);
		if (__builtin_expect(closes >= depth || depth + opens > KSHIM__JSON_DEPTH, 0)) {
			end = walk(m.opens, m.closes, &depth);
			if (end) {
				skip->depth = depth;
				return at + end;
			}
		} else {
			depth += opens - closes;
		}
	}
	skip->in_string = in_string;
	skip->escaped = escape;
	skip->depth = depth;
	return len;
}

static inline uint64_t prefix_xor_shift(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	return x ^ x << 32;
}

static inline uint32_t count_shift(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (uint32_t)(x * 0x0101010101010101u >> 56);
}

/* One bit for each of eight bytes that equals the repeated one. */
static inline uint64_t equal_word(uint64_t word, uint64_t repeated)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
	uint64_t x = word ^ repeated;

	x = ~(((x & low) + low) | x | low);
	return (x >> 7) * 0x0102040810204080u >> 56;
}

static inline struct masks classify_word(const char *block)
{
	const uint64_t each = 0x0101010101010101u;
	struct masks m = {0, 0, 0, 0};
	unsigned int i;

	for (i = 0; i < BLOCK; i += 8) {
		uint64_t word, folded;

		memcpy(&word, block + i, sizeof(word));
		word = le64toh(word);
		folded = word | FOLD * each;
		m.quotes |= equal_word(word, '"' * each) << i;
		m.backslashes |= equal_word(word, '\\' * each) << i;
		m.opens |= equal_word(folded, OPEN * each) << i;
		m.closes |= equal_word(folded, CLOSE * each) << i;
	}
	return m;
}

static size_t run_word(struct kshim__skip *skip, const char *data, size_t len)
{
	return run(skip, data, len, classify_word, prefix_xor_shift, count_shift);
}

#ifdef WITH_SIMD

static inline uint64_t bits_sse2(__m128i bytes, char c)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline struct masks classify_sse2(const char *block)
{
	struct masks m = {0, 0, 0, 0};
	unsigned int i;

#pragma GCC unroll 4
	for (i = 0; i < BLOCK; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
		__m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(FOLD));

		m.quotes |= bits_sse2(bytes, '"') << i;
		m.backslashes |= bits_sse2(bytes, '\\') << i;
		m.opens |= bits_sse2(folded, OPEN) << i;
		m.closes |= bits_sse2(folded, CLOSE) << i;
	}
	return m;
}

static size_t run_sse2(struct kshim__skip *skip, const char *data, size_t len)
{
	return run(skip, data, len, classify_sse2, prefix_xor_shift, count_shift);
}

#define AVX2 __attribute__((target("avx2,pclmul,popcnt")))

AVX2 static inline uint64_t bits_avx2(__m256i bytes, char c)
{
	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c)));
}

AVX2 static inline struct masks classify_avx2(const char *block)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)block);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32));
	struct masks m;

	m.quotes = bits_avx2(low, '"') | bits_avx2(high, '"') << 32;
	m.backslashes = bits_avx2(low, '\\') | bits_avx2(high, '\\') << 32;
	low = _mm256_or_si256(low, _mm256_set1_epi8(FOLD));
	high = _mm256_or_si256(high, _mm256_set1_epi8(FOLD));
	m.opens = bits_avx2(low, OPEN) | bits_avx2(high, OPEN) << 32;
	m.closes = bits_avx2(low, CLOSE) | bits_avx2(high, CLOSE) << 32;
	return m;
}

AVX2 static inline uint64_t prefix_xor_avx2(uint64_t x)
{
	__m128i all = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)x), _mm_set1_epi8(-1), 0);

	return (uint64_t)_mm_cvtsi128_si64(all);
}

AVX2 static inline uint32_t count_avx2(uint64_t x)
{
	return (uint32_t)__builtin_popcountll(x);
}

AVX2 static size_t run_avx2(struct kshim__skip *skip, const char *data, size_t len)
{
	return run(skip, data, len, classify_avx2, prefix_xor_avx2, count_avx2);
}

static inline bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt");
}

#endif

size_t kshim__skip_run(struct kshim__skip *skip, const char *data, size_t len)
{
#ifdef WITH_SIMD
	return has_avx2() ? run_avx2(skip, data, len) : run_sse2(skip, data, len);
#else
	return run_word(skip, data, len);
#endif
}

void kshim__skip_ways(struct kshim__skip_way ways[KSHIM__SKIP_WAYS])
{
	memset(ways, 0, KSHIM__SKIP_WAYS * sizeof(ways[0]));
	*ways++ = (struct kshim__skip_way){"word", run_word};
#ifdef WITH_SIMD
	*ways++ = (struct kshim__skip_way){"sse2", run_sse2};
	if (has_avx2())
		*ways = (struct kshim__skip_way){"avx2", run_avx2};
#endif
}

/* How many bytes from here are neither quote nor backslash, as far as whole
 * vectors tell: *found says whether one of the two follows them. */
static inline size_t plain(const char *data, size_t len, bool *found)
{
	size_t at = 0;

	*found = false;
#ifdef WITH_SIMD
	for (; len - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + at));
		uint64_t bits = bits_sse2(bytes, '"') | bits_sse2(bytes, '\\');

		if (bits) {
			*found = true;
			return at + (size_t)__builtin_ctzll(bits);
		}
	}
#endif
	for (; at < len; at++) {
		if (data[at] == '"' || data[at] == '\\') {
			*found = true;
			return at;
		}
	}
	return at;
}

size_t kshim__skip_string(struct kshim__skip_string *skip, const char *data, size_t len)
{
	size_t at = 0;
	bool found;

	while (at < len) {
		if (skip->escaped) {
			skip->escaped = false;
			at++;
			continue;
		}
		at += plain(data + at, len - at, &found);
		if (!found)
			break;
		if (data[at++] == '"') {
			skip->closed = true;
			break;
		}
		skip->escaped = true;
		skip->escapes = true;
	}
	return at;
}
