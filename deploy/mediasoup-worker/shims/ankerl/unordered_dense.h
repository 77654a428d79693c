// The worker's hash containers, over abseil's.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>
#include <cstddef>

namespace ankerl::unordered_dense
{
	template<class Key>
	using hash = absl::Hash<Key>;

	namespace shim
	{
		struct DefaultHash
		{
		};

		// abseil needs well spread bits, which a caller's own hash need not have.
		template<class Hash>
		struct SpreadHash
		{
			template<class Key>
			size_t operator()(const Key& key) const
			{
				return absl::Hash<size_t>{}(Hash{}(key));
			}
		};

		template<class Key, class Value, class Hash>
		struct MapOf
		{
			using type = absl::flat_hash_map<Key, Value, SpreadHash<Hash>>;
		};

		template<class Key, class Value>
		struct MapOf<Key, Value, DefaultHash>
		{
			using type = absl::flat_hash_map<Key, Value>;
		};

		template<class Key, class Hash>
		struct SetOf
		{
			using type = absl::flat_hash_set<Key, SpreadHash<Hash>>;
		};

		template<class Key>
		struct SetOf<Key, DefaultHash>
		{
			using type = absl::flat_hash_set<Key>;
		};
	} // namespace shim

	template<class Key, class Value, class Hash = shim::DefaultHash>
	class map : public shim::MapOf<Key, Value, Hash>::type
	{
		using Base = typename shim::MapOf<Key, Value, Hash>::type;

	public:
		using Base::Base;

		// abseil's returns nothing; callers that erase while they iterate need the next one.
		typename Base::iterator erase(typename Base::iterator it)
		{
			const auto next = std::next(it);

			Base::erase(it);

			return next;
		}

		size_t erase(const Key& key)
		{
			return Base::erase(key);
		}
	};

	template<class Key, class Hash = shim::DefaultHash>
	class set : public shim::SetOf<Key, Hash>::type
	{
		using Base = typename shim::SetOf<Key, Hash>::type;

	public:
		using Base::Base;
	};
} // namespace ankerl::unordered_dense
