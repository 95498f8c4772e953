// Fetch with the session's cookie, Django's CSRF header, and errors as one typed class.

export class ApiError extends Error {
  /** `status` is 0 when the server could not be reached. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  get offline(): boolean {
    return this.status === 0
  }

  /** Trying the same request again later may work. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

export interface Options {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
  keepalive?: boolean
}

/** Called when the server no longer knows who we are. */
let onSignedOut: () => void = () => {}
export function whenSignedOut(run: () => void): void {
  onSignedOut = run
}

export const get = <T>(path: string, options?: Options) => request<T>('GET', path, options)
export const post = <T>(path: string, body: unknown = {}, options?: Options) => request<T>('POST', path, { ...options, body })
export const patch = <T>(path: string, body: unknown, options?: Options) => request<T>('PATCH', path, { ...options, body })
export const put = <T>(path: string, body: BodyInit, options?: Options) => request<T>('PUT', path, { ...options, body })
export const remove = (path: string, options?: Options) => request<undefined>('DELETE', path, options)

/** `path` is relative to /api/. Objects are sent as JSON; FormData, Blob and buffers as they are. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  if (method !== 'GET') headers['X-CSRFToken'] = csrfToken()
  let body: BodyInit | undefined
  if (isRaw(options.body)) body = options.body
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(options.body)
  }
  let response: Response
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      body,
      credentials: 'same-origin',
      signal: options.signal,
      keepalive: options.keepalive,
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'offline', 'The server cannot be reached. Check that it is running, and your connection.')
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  throw await problem(response)
}

export function csrfToken(): string {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? ''
}

export function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString()
  return `/api/${path}${search ? `?${search}` : ''}`
}

async function problem(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get('Retry-After')) || null
  const told: unknown = await response.json().catch(() => null)
  const error = (told as { error?: { code?: string; message?: string; field?: string | null } } | null)?.error
  if (response.status === 401) onSignedOut()
  return new ApiError(
    response.status,
    error?.code ?? 'unexpected',
    error?.message ?? `The server answered ${response.status}. Try again; if it stays, look at its log.`,
    error?.field ?? null,
    after,
  )
}

function isRaw(body: unknown): body is BodyInit {
  return body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)
}

/** The sentence to show for anything thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
