// The worker is written for libsrtp 3; this is the part of that interface it uses, over libsrtp 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// libsrtp 3's policy is an opaque handle of the same name as libsrtp 2's plain struct.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

// Macros, because a later libsrtp 2 may bring enumerators of these names. The values are ones that
// the enumeration leaves unused and can still represent.
#define srtp_err_status_buffer_small static_cast<srtp_err_status_t>(30)
#define srtp_err_status_cryptex_err static_cast<srtp_err_status_t>(31)

struct SrtpPolicy
{
	srtp2_policy_t settings;
	unsigned char masterKeyAndSalt[SRTP_MAX_KEY_LEN];
};

using srtp_policy_t = SrtpPolicy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy)
{
	*policy = new SrtpPolicy{};
	(*policy)->settings.key = (*policy)->masterKeyAndSalt;

	return srtp_err_status_ok;
}

inline void srtp_policy_destroy(srtp_policy_t policy)
{
	explicit_bzero(policy->masterKeyAndSalt, sizeof(policy->masterKeyAndSalt));
	delete policy;
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc)
{
	policy->settings.ssrc = ssrc;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile)
{
	const auto status =
	  srtp_crypto_policy_set_from_profile_for_rtp(&policy->settings.rtp, profile);

	if (status != srtp_err_status_ok)
	{
		return status;
	}

	return srtp_crypto_policy_set_from_profile_for_rtcp(&policy->settings.rtcp, profile);
}

inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t policy,
  const uint8_t* key,
  size_t keyLen,
  const uint8_t* salt,
  size_t saltLen,
  const uint8_t* /*mki*/,
  size_t mkiLen)
{
	if (mkiLen != 0 || keyLen + saltLen > sizeof(policy->masterKeyAndSalt))
	{
		return srtp_err_status_bad_param;
	}

	std::memcpy(policy->masterKeyAndSalt, key, keyLen);
	std::memcpy(policy->masterKeyAndSalt + keyLen, salt, saltLen);

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allowed)
{
	policy->settings.allow_repeat_tx = allowed ? 1 : 0;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, size_t packets)
{
	policy->settings.window_size = packets;

	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy)
{
	return srtp_create(session, &policy->settings);
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrcInNetworkOrder)
{
	return srtp_remove_stream(session, ssrcInNetworkOrder);
}

namespace srtp_shim
{
	// libsrtp 2 works in place and on int lengths.
	using InPlaceOperation = srtp_err_status_t (*)(srtp_t, void*, int*);

	// libsrtp 2 does not check room: it appends up to a trailer and, for SRTCP, an index word.
	constexpr size_t AppendedBytesMax = SRTP_MAX_TRAILER_LEN + sizeof(uint32_t);

	inline srtp_err_status_t apply(
	  InPlaceOperation operation,
	  srtp_t session,
	  const uint8_t* in,
	  size_t inLen,
	  uint8_t* out,
	  size_t* outLen)
	{
		if (out != in)
		{
			std::memcpy(out, in, inLen);
		}

		auto len          = static_cast<int>(inLen);
		const auto status = operation(session, out, &len);

		if (status == srtp_err_status_ok)
		{
			*outLen = static_cast<size_t>(len);
		}

		return status;
	}

	inline srtp_err_status_t protect(
	  InPlaceOperation operation,
	  srtp_t session,
	  const uint8_t* in,
	  size_t inLen,
	  uint8_t* out,
	  size_t* outLen)
	{
		if (*outLen < AppendedBytesMax || inLen > *outLen - AppendedBytesMax)
		{
			return srtp_err_status_buffer_small;
		}

		return apply(operation, session, in, inLen, out, outLen);
	}

	inline srtp_err_status_t unprotect(
	  InPlaceOperation operation,
	  srtp_t session,
	  const uint8_t* in,
	  size_t inLen,
	  uint8_t* out,
	  size_t* outLen)
	{
		if (inLen > *outLen)
		{
			return srtp_err_status_buffer_small;
		}

		return apply(operation, session, in, inLen, out, outLen);
	}
} // namespace srtp_shim

inline srtp_err_status_t srtp_protect(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t /*mki*/)
{
	return srtp_shim::protect(::srtp_protect, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t /*mki*/)
{
	return srtp_shim::protect(::srtp_protect_rtcp, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return srtp_shim::unprotect(::srtp_unprotect, session, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return srtp_shim::unprotect(::srtp_unprotect_rtcp, session, in, inLen, out, outLen);
}
