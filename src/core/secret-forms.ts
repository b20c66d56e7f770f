/** A long run, and letters and digits as chance mixes them, in what follows a beginning; what people write after it is short words. Bounded, so that no text is tried twice. */
const mixed = '(?=[\\w-]{0,32}?[A-Za-z0-9]{10})(?=[\\w-]{0,48}(?:\\d|[a-z][A-Z]))'

/** How tokens begin, by what those who issue them say; `_` or `-` follows. */
const beginnings = [
  'gh[pousr]', 'github_pat', 'gl(?:pat|rt|dt|oas|soat|cbt|ptt|ft|imt|agent)', 'xox[abeoprs]', 'xapp', '[sr]k_(?:live|test)', 'whsec', 'sk', 'gsk', 'xai', 'pplx', 'tvly', 'ntn', 'lin_(?:api|oauth)', 'fig[dopu]',
  'sntry[su]', 'sbp', 'sb_secret', 'glsa', 'glc', 'dop_v1', 'doo_v1', 'dckr_(?:pat|oat)', 'shp(?:at|ss|ca|pa)', 'pypi', 'apify_api', 'napi', 'nfp', 'bkua', 'sq[aup]', 'pcsk', 'lsv2_(?:pt|sk)', 'NRAK', 'PMAK', 'CFPAT', 'HRKU',
  'CCIPAT', 'GOCSPX', 'AVNS', 'pat-[a-z]{2}\\d', 'pscale_(?:tkn|pw|oauth)', 'ph[ucx]', 'rnd', 'r8', 'hf', 'vc[piark]', 'AGE-SECRET-KEY', 'ATATT3xFfGF0',
]

/**
 * Tokens that are known by their form, wherever they stand, with what they are in words for people. Global, for who takes them out. Each takes time in
 * proportion to the text, whatever the text is.
 */
export const tokenForms: ReadonlyArray<readonly [form: RegExp, what: string]> = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY|$)/g, 'a private key'],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, 'a JSON web token'],
  [/(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])/g, 'an AWS access key'],
  [/(?<![A-Za-z0-9])AIza[\w-]{30,}/g, 'a Google API key'],
  [new RegExp(`(?<![A-Za-z0-9])(?:${beginnings.join('|')})[_-]${mixed}[\\w-]{16,}`, 'g'), 'a token'],
  [/(?<![A-Za-z0-9])(?:ph[ctw]_[\w-]{20,}|npm_[A-Za-z0-9]{30,}|dapi[0-9a-f]{32}|key-[0-9a-f]{32}|secret_[A-Za-z0-9]{40,}|ATTA[0-9a-f]{60,})/g, 'a token'],
  [/(?<![A-Za-z0-9])(?:hv[sbr]\.[\w-]{20,}|ya29\.[\w-]{20,}|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9]{20,}|SG\.[\w-]{16,32}\.[\w-]{30,}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,})/g, 'a token'],
]

/** The token that is known by its form, in words; null: none. Says nothing of what is only random, or only called a credential. */
export function tokenIn(text: string): string | null {
  return tokenForms.find(([form]) => text.search(form) >= 0)?.[1] ?? null
}
