// Who is signed in.
import * as calls from '../api/calls'
import { ApiError, whenSignedOut } from '../api/client'
import type { Me } from '../api/types'
import { router } from '../router.svelte'

class Session {
  user = $state<Me | null>(null)
  /** False until the server has said who we are. */
  known = $state(false)
  /** Why it could not be asked. */
  problem = $state<string | null>(null)

  constructor() {
    whenSignedOut(() => {
      const wasIn = this.user !== null
      this.user = null
      if (wasIn) router.go(signInAddress(), { replace: true })
    })
  }

  async load(): Promise<void> {
    this.problem = null
    try {
      this.user = await calls.me()
      this.known = true
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) this.known = true
      else this.problem = error instanceof Error ? error.message : String(error)
    }
  }

  async signIn(how: { token: string } | { username: string; password: string }): Promise<void> {
    await calls.csrf()
    if ('token' in how) await calls.loginByLink(how.token)
    else await calls.login(how.username, how.password)
    this.user = await calls.me()
    this.known = true
  }

  async signOut(): Promise<void> {
    await calls.logout()
    this.user = null
    router.go('/signin')
  }
}

/** The sign-in page, which then leads back to where we are. */
export function signInAddress(): string {
  const here = location.pathname + location.search
  return here === '/' || here.startsWith('/signin') ? '/signin' : `/signin?next=${encodeURIComponent(here)}`
}

export const session = new Session()
