// A small client-side router: links caught anywhere on the page, one place that changes the address.
class Router {
  path = $state(location.pathname)
  query = $state(new URLSearchParams(location.search))

  constructor() {
    window.addEventListener('popstate', () => this.#read())
    document.addEventListener('click', (event) => this.#follow(event))
  }

  go(to: string, options: { replace?: boolean } = {}): void {
    if (to !== location.pathname + location.search) history[options.replace ? 'replaceState' : 'pushState'](null, '', to)
    this.#read()
    window.scrollTo(0, 0)
  }

  /** Changes query values in place, without a new history entry; null or '' removes one. */
  set(values: Record<string, string | number | null | undefined>): void {
    const query = new URLSearchParams(location.search)
    for (const [key, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === '') query.delete(key)
      else query.set(key, String(value))
    }
    const search = query.toString()
    history.replaceState(null, '', location.pathname + (search ? `?${search}` : ''))
    this.#read()
  }

  #read(): void {
    this.path = location.pathname
    this.query = new URLSearchParams(location.search)
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest?.('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (/^\/(api|admin|static|events|healthz)(\/|$)/.test(link.pathname)) return
    if (link.hash && link.pathname === location.pathname) return
    event.preventDefault()
    this.go(link.pathname + link.search)
  }
}

export const router = new Router()
