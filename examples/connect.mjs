// @ts-check
// The client that the examples share. PCO_BASE_URL is for a simulated API: `npx syncline simulate pco --people 200`.
import { pcoAdapter } from 'syncline/adapters/pco'

export const connect = () => {
  const { PCO_APP_ID: id, PCO_SECRET: secret, PCO_BASE_URL: baseUrl } = process.env
  if (!id || !secret) {
    console.error(
      'Set PCO_APP_ID and PCO_SECRET: a personal access token from https://api.planningcenteronline.com/oauth/applications',
    )
    process.exit(2)
  }
  return pcoAdapter({ auth: { type: 'pat', id, secret }, ...(baseUrl && { baseUrl }) })
}
