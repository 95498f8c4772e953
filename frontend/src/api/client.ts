// The API, typed by its own schema: the session's cookie, Django's CSRF header, and errors as one class.
import createClient from 'openapi-fetch'
import type { paths } from './schema'

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

/** Called when the server no longer knows who we are. */
let onSignedOut: () => void = () => {}
export function whenSignedOut(run: () => void): void {
  onSignedOut = run
}

export const http = createClient<paths>({ credentials: 'same-origin', headers: { Accept: 'application/json' } })

http.use({
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('X-CSRFToken', csrfToken())
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problem(response)
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === 'AbortError') return error
    return new ApiError(0, 'offline', 'The server cannot be reached. Check that it is running, and your connection.')
  },
})

/** What an answer holds; anything but success was thrown. */
export async function body<A extends { data?: unknown }>(answer: Promise<A>): Promise<Exclude<A['data'], undefined>> {
  return (await answer).data as Exclude<A['data'], undefined>
}

function csrfToken(): string {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? ''
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

/** The sentence to show for anything thrown. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
