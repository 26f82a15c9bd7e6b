// How a church is connected to Planning Center by OAuth.
import type { OAuthApi } from '../core/adapter.ts'

export const pcoOAuth: OAuthApi = {
  authorizePath: '/oauth/authorize',
  tokenPath: '/oauth/token',
  scope: 'people groups',
  pkce: true,
}
