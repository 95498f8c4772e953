// Addresses with :parameters.

export interface Match<R> {
  route: R
  params: Record<string, string>
}

/** The first route whose `path` fits, with the values of its :parameters. */
export function match<R extends { path: string }>(routes: readonly R[], path: string): Match<R> | null {
  const parts = split(path)
  for (const route of routes) {
    const pattern = split(route.path)
    if (pattern.length !== parts.length) continue
    const params: Record<string, string> = {}
    const fits = pattern.every((piece, at) => {
      const part = parts[at] ?? ''
      if (!piece.startsWith(':')) return piece === part
      params[piece.slice(1)] = decodeURIComponent(part)
      return true
    })
    if (fits) return { route, params }
  }
  return null
}

const split = (path: string) => path.split('/').filter(Boolean)
